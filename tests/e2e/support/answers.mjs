// HTTP answers in the bytes that a connection gave: [{ status, headers, body, request }]; `request` is what net_probe
// --describe says it took the request for. Informational answers are left out, and what is not whole.
export function answersIn(bytes) {
  const answers = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end < 0) return answers;
    const [first, ...lines] = bytes.subarray(at, end).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})\b/.exec(first)?.[1]);
    if (!status) throw new Error(`no answer: ${first.slice(0, 200)}`);
    const headers = {};
    for (const line of lines) headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 1).trim();
    at = end + 4;
    if (status < 200) continue;
    const described = headers['x-request']; // of a HEAD, whose answer has no body
    const [body, next] = described || status === 204 ? ['', at] : bodyAt(bytes, at, headers);
    if (body === null) return answers;
    at = next;
    const json = described ?? (headers['content-type'] === 'application/json' ? body : null);
    answers.push({ status, headers, body, request: status === 200 && json ? JSON.parse(json) : null });
  }
}

// The body, and where it ends; null when it is not all here.
function bodyAt(bytes, at, headers) {
  const length = headers['content-length'];
  if (headers['transfer-encoding'] === 'chunked') return chunksAt(bytes, at);
  if (length === undefined) return [bytes.subarray(at).toString('latin1'), bytes.length];
  const end = at + Number(length);
  return bytes.length < end ? [null] : [bytes.subarray(at, end).toString('latin1'), end];
}

function chunksAt(bytes, at) {
  let body = '';
  for (;;) {
    const line = bytes.indexOf('\r\n', at);
    const size = line < 0 ? NaN : parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    if (Number.isNaN(size) || bytes.length < line + 2 + size + 2) return [null];
    body += bytes.subarray(line + 2, line + 2 + size).toString('latin1');
    at = line + 2 + size + 2;
    if (size === 0) return [body, at];
  }
}
