// Where this page's tokens come from: the first one from the address, #token=…, later ones from VITE_TOKEN_URL.

/** Takes the token out of the address, so that it is in no bookmark and no screenshot. */
export function takeToken(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? undefined;
  if (token) history.replaceState(history.state, '', location.pathname + location.search);
  return token;
}

/** A new token of who is logged in, as the app's back end gives it: `{ "token": … }`. */
export async function fetchToken(): Promise<string> {
  const url = import.meta.env.VITE_TOKEN_URL;
  if (!url) throw new Error('log in again');
  const response = await fetch(url, { method: 'POST', credentials: 'include', signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`log in again: ${url} answers ${response.status}`);
  const { token } = (await response.json()) as { token?: unknown };
  if (typeof token !== 'string') throw new Error(`${url} gives no token`);
  return token;
}

/** Whose token it is, to show; only the server verifies it. */
export function personOf(token: string): string {
  try {
    const text = atob(token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'));
    const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    return String(claims.sub);
  } catch {
    return '';
  }
}
