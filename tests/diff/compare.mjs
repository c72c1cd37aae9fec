// Whether two readers took the same requests from the same bytes; and, where only net_probe refuses, by which rule.

// A target in one form: unreserved characters plain, all others as escapes, and dots resolved. Which others may stay
// plain is not compared.
const encoded = (bytes) => [...bytes].map((byte) => {
  const c = String.fromCharCode(byte);
  return /[A-Za-z0-9._~-]/.test(c) ? c : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}).join('');
const escaped = (text) => encoded(Buffer.from(text.replaceAll('+', ' ').replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1'));

function resolved(path) {
  const out = [];
  const segments = path.split('/').slice(1).map(escaped);
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    if (segment === '..') out.pop();
    if (segment !== '' && segment !== '.' && segment !== '..') out.push(segment);
    else if (last) out.push('');
  }
  return `/${out.join('/')}`;
}

// The first "=" of each pair parts its name from its value.
const pairs = (query) => query.split('&').map((pair) => {
  const at = pair.indexOf('=');
  return at < 0 ? escaped(pair) : `${escaped(pair.slice(0, at))}=${escaped(pair.slice(at + 1))}`;
}).join('&');

export function normal(target) {
  const own = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/^(?=\?|$)/, '/');
  const at = own.indexOf('?');
  return { path: own.startsWith('/') ? resolved(at < 0 ? own : own.slice(0, at)) : own, query: at < 0 ? '' : pairs(own.slice(at + 1)) };
}

const values = ({ headers }, name) => headers.filter((_, i) => i % 2 === 1 && headers[i - 1].toLowerCase() === name);

// What net_probe refuses though Node does not: `test` asks of the request as Node took it, of all bytes, and of the
// request before. `ends`: it says nothing, for that request was the connection's last.
export const KINDS = [
  { name: 'another version', test: ({ version }) => !['1.0', '1.1'].includes(version),
    rfc: 'RFC 9110, 15.6.6: the server does not support the major version of HTTP that was used' },
  { name: 'no version', test: (_, bytes) => /(^|\n)[A-Z]+ \S+\r?\n/.test(bytes),
    rfc: 'RFC 9112, 3: request-line = method SP request-target SP HTTP-version' },
  { name: 'a method that is not there', test: ({ method }) => !/^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/.test(method),
    rfc: 'RFC 9110, 9.1: an unrecognized or not implemented method SHOULD get 501' },
  { name: 'Host repeated', test: (request) => values(request, 'host').length > 1,
    rfc: 'RFC 9112, 3.2: 400 to any request with more than one Host header field line' },
  { name: 'a Host that is none', test: (request) => values(request, 'host').some((host) => host === '' || /[^\w.:[\]%~!$&'()*+;=-]/.test(host)),
    rfc: 'RFC 9112, 3.2: 400 to a Host header field with an invalid field value; RFC 9110, 4.2.1: an empty host is invalid' },
  { name: 'a fragment', test: ({ target }) => target.includes('#'),
    rfc: 'RFC 9112, 3.2.1: origin-form = absolute-path [ "?" query ]' },
  { name: 'a bad escape', test: ({ target }) => /%(?![0-9a-f]{2})|%00/i.test(target),
    rfc: 'RFC 3986, 2.1: pct-encoded = "%" HEXDIG HEXDIG; 7.3: %00 needs special care' },
  { name: 'characters that no URI has', test: ({ target }) => /[^\x21-\x7e]|["<>\\^`{|}]/.test(target),
    rfc: 'RFC 9112, 3.2: an invalid request-line SHOULD get 400' },
  { name: 'a target of another form', test: ({ target }) => !/^(\/|https?:\/\/[^/?#]|\*$)/i.test(target) || target === '*' || /^https?:\/\/[^/?#]*@/i.test(target),
    rfc: 'RFC 9112, 3.2.4: the asterisk-form is only used for OPTIONS; 3.2.3: the authority-form for CONNECT; RFC 9110, 4.2.4: a user in front of the host is an error' },
  { name: 'a coding besides chunked', test: (request) => values(request, 'transfer-encoding').join().toLowerCase().trim() !== 'chunked' && values(request, 'transfer-encoding').length > 0,
    rfc: 'RFC 9112, 6.1: a transfer coding that is not understood SHOULD get 501; here it gets 400' },
  { name: 'chunked in HTTP/1.0', test: (request) => request.version === '1.0' && values(request, 'transfer-encoding').length > 0,
    rfc: 'RFC 9112, 6.1: its framing MUST be treated as faulty' },
  { name: 'two spaces in the request line', test: (_, bytes) => /(^|\n)\S+( {2,}\S* ?| \S+ {2,})\S*\r?\n/.test(bytes),
    rfc: 'RFC 9112, 3: single spaces are between its parts' },
  { name: 'CR or LF alone', test: (_, bytes, before) => /(^|[^\r])\n|\r([^\n]|$)/.test(bytes) || before?.body.endsWith('\r'),
    rfc: 'RFC 9112, 2.2: a bare CR is invalid; a recipient MAY take a single LF for a line end, and need not' },
  { name: 'a chunk extension that is none', test: (_, bytes) => /\r\n[0-9a-f]+[^\r\n]*;[ \t]*(;|\r|=|[^\r\n;=]*=[ \t]*[;\r])/i.test(bytes),
    rfc: 'RFC 9112, 7.1.1: chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )' },
  { name: 'a wish that nobody knows', test: (request) => values(request, 'expect').some((value) => value.split(',').some((one) => one.trim().toLowerCase() !== '100-continue')),
    rfc: 'RFC 9110, 10.1.1: any other expectation MAY get 417' },
  { name: 'more than its bounds', test: ({ target, headers, body }, bytes) => target.length > 8000 || headers.join().length > 16_000 || body.length > 1 << 20 || /;[^\r\n]{200}/.test(bytes),
    rfc: 'RFC 9110, 15.5.14 and 15; RFC 6585, 5: 413, 414 and 431' },
  { name: 'close and keep-alive', ends: true, test: (_, __, before) => before && /\bclose\b/i.test(values(before, 'connection').join()),
    rfc: 'RFC 9112, 9.3: if the close option is present, the connection will not persist' },
];

// Undefined when both agree, as far as they may; otherwise { fault } or { kind }, in words.
export function difference(reference, subject, bytes) {
  for (let i = 0; i < Math.max(reference.length, subject.length); i++) {
    const [theirs, ours] = [reference[i], subject[i]];
    if (theirs === undefined) return { fault: `request ${i}: only net_probe takes it`, subject };
    if (i >= subject.length) {
      const silent = subject.refusal === null;
      const kind = KINDS.find(({ ends = false, test }) => ends === silent && test(theirs, bytes, reference[i - 1]));
      return kind ? { kind: kind.name } : { fault: `request ${i}: only Node takes it (${subject.refusal ?? 'no answer'})`, reference };
    }
    if (ours === null) continue; // what the server answers by itself, such as OPTIONS *
    const wanted = { method: theirs.method, ...normal(theirs.target), body: theirs.body };
    const path = ours.path === '*' ? '*' : ours.path.split('/').map(escaped).join('/');
    const got = { ...ours, path, query: pairs(ours.query) };
    for (const [name, value] of Object.entries(wanted)) {
      if (got[name] !== value) return { fault: `request ${i}: its ${name} is ${JSON.stringify(ours[name])}, not ${JSON.stringify(value)}` };
    }
  }
}
