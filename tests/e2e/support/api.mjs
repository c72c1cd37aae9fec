// Calls of the server API, as a back end makes them.
import { tokenFor } from './tokens.mjs';

export const serviceToken = (id = 'billing', claims) => tokenFor(id, { role: 'service', ...claims });

// { status, headers, body }: body is what its JSON says, the text if it is none.
export async function request(server, method, path, { body, headers, token = serviceToken(), raw, signal } = {}) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
    body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
    signal,
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : text };
}

export const call = (server, name, args, options) => request(server, 'POST', `/api/${name}`, { body: args, ...options });
