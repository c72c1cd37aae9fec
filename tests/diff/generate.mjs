// Streams of requests: from a grammar with slips in it, and from a corpus, both mutated; the same ones for the same
// seed.
import { random } from '../e2e/support/random.mjs';
import { ATTEMPTS } from '../e2e/support/smuggling.mjs';

// After these Node stops reading requests, for what follows is another protocol's.
const CORPUS = ATTEMPTS.map(({ bytes }) => bytes.replaceAll('@@@', '100')).filter((bytes) => !/upgrade|^CONNECT/i.test(bytes));

export const END = 'GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

const SEGMENTS = ['a', 'b-c_d.e~', '%20', '%C3%BC', 'x:y', '@', 'a;b', '%7e', "(*)!$'", 'a'.repeat(300)];
const QUERIES = ['', '?', '?a=b', '?a=%26&b=%3D', '?a=1+2%2B3', '?&&a', '?x=y?z/', '?a=b=c', "?!$'()*,;:@"];
const BODIES = ['', 'x', 'hello', 'a\r\n\r\nb', 'GET /no HTTP/1.1\r\nHost: x\r\n\r\n', '0\r\n\r\n', '\0\xff', 'y'.repeat(3000)];
const HEADERS = [
  'Accept: */*', 'User-Agent: fuzz', 'Cookie: a=b; c=d', 'accept-encoding:gzip', 'X-Empty:', 'X-Tab:\tx\t', 'X-Long: ' + 'v'.repeat(500),
  "X!#$%&'*+-.^_`|~: x", 'Connection: keep-alive', 'Connection: foo', 'TE: trailers', 'X-High: \xe4\xf6', 'Content-Type: text/plain', 'Expect: 100-continue',
];

// What a slip puts in place of what is right.
const SLIPS = {
  method: ['get', 'G T', 'FOO', 'PROPFIND', 'TRACE', '', 'GET\t', 'M-SEARCH', '\xe4', 'G=T'],
  target: ['', '*', 'a', 'http://x', 'http://x/a?b', 'http://x:80/a', 'https://x/', '//a', '/a#b', '/a%zz', '/a%', '/%00', '/a b', '/\xe4', '/a\x7f', '/a"<>', '/a\\b', '/{a}|^`'],
  version: ['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.1 ', 'http/1.1', 'HTTP/1.10', 'HTTP/1,1', 'HTTP/01.1', '', 'HTTP /1.1'],
  host: ['', 'Host: x\r\nHost: x\r\n', 'Host: x\r\nHost: y\r\n', 'Host:\r\n', 'host: x\r\n', 'Host : x\r\n', 'Host: a b\r\n', 'Host: x:80\r\n', 'Host: [::1]:80\r\n'],
  header: ['X : y', ' X: y', 'X', ': y', 'X: a\r\n b', 'X: a\rb', 'X: a\0b', 'X: a\x01b', 'X: a\x7fb', 'X Y: z', 'X\xe4: y', 'X: a\nY: b', '\tX: y', 'Expect: foo', 'X: \x0b', 'Content-Length: 0', 'Connection: close', 'X\r\n'],
  length: ['+N', '-N', '0xN', 'N,N', 'N, N', 'N ', ' N', '0N', '', 'N N', 'N\t', '99999999999999999999', 'N\r\nContent-Length: N', 'N\r\nContent-Length: 0', 'N.0', 'Nx'],
  coding: ['chunked', 'Chunked', 'chunked ', 'gzip, chunked', 'chunked, chunked', 'identity', '', 'chunked,', ',chunked', ' , chunked', '"chunked"', 'chunked;a', 'chunked\r\nTransfer-Encoding: chunked',
    'x\r\nTransfer-Encoding: chunked', 'chunked\r\nContent-Length: 3', 'xchunked', '\x0bchunked'],
  size: ['0xN', '+N', '-N', ' N', 'N ', 'N\t', '', '0N', 'N;a', 'N;a=b', 'N;a="b;c"', 'N ;a', 'N; a', 'N;', 'N;a=', 'N;;a', 'N;a b', 'N;a\rb', 'N;a\nb', 'N;\0', '000000000N', '1000000000000000N', 'Nx', 'N;a="b'],
  chunkEnd: ['\n', '\r', '', '\r\r\n', ' \r\n', 'x\r\n', '\r\n\r\n'],
  trailer: ['X: y\r\n', 'X: y\r\nZ: w\r\n', 'X : y\r\n', 'X\r\n', ' X: y\r\n', 'X: y\n', 'Content-Length: 5\r\n', 'Host: y\r\n', 'Transfer-Encoding: chunked\r\n', 'X: a\r\n b\r\n', 'X: a\0\r\n', 'Trailer: x\r\n'],
  lineEnd: ['\n', '\r', '\r\r\n', ' \r\n', '\n\r'],
  before: ['\r\n', '\r\n\r\n', '\n', '\r', ' ', '\0', '\r\n\n', 'x'],
};
const INSERTS = ['\0', '\r', '\n', '\r\n', '\t', ' ', '\x0b', '\x7f', '\x80', '\xff', ':', ';', ',', '0', 'A', '\r\n\r\n', '\r\n ', '%', '#', '"', 'Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', 'GET / HTTP/1.1\r\n'];

// One request. `slip(kind, right)` is what stands there; few of them are wrong.
function request({ below, chance, pick }, slip) {
  const end = () => slip('lineEnd', '\r\n');
  const method = slip('method', pick(['GET', 'GET', 'HEAD', 'POST', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']));
  const path = Array.from({ length: 1 + below(3) }, () => `/${pick(SEGMENTS)}`).join('');
  const target = slip('target', chance(0.03) && method === 'OPTIONS' ? '*' : (chance(0.05) ? 'http://x' : '') + path + pick(QUERIES));
  let text = `${slip('before', '')}${method} ${target} ${slip('version', chance(0.1) ? 'HTTP/1.0' : 'HTTP/1.1')}${end()}`;
  text += slip('host', 'Host: x\r\n');
  const headers = Array.from({ length: below(4) }, () => slip('header', pick(HEADERS)) + end());
  const body = method === 'GET' || method === 'HEAD' ? (chance(0.1) ? pick(BODIES) : null) : pick(BODIES);
  let sent = '';
  if (body !== null && chance(0.5)) {
    headers.push(`Transfer-Encoding: ${slip('coding', 'chunked')}${end()}`);
    sent = chunks(body, { below, chance }, slip);
  } else if (body !== null) {
    headers.push(`Content-Length: ${slip('length', 'N').replaceAll('N', body.length)}${end()}`);
    sent = body;
  }
  return text + headers.join('') + end() + sent;
}

function chunks(body, { below, chance }, slip) {
  let text = '';
  for (let at = 0; at < body.length; ) {
    const n = 1 + below(body.length - at);
    const size = n.toString(16);
    text += slip('size', chance(0.1) ? 'N;a=b' : 'N').replaceAll('N', chance(0.2) ? size.toUpperCase() : size);
    text += slip('chunkEnd', '\r\n') + body.slice(at, at + n) + slip('chunkEnd', '\r\n');
    at += n;
  }
  return text + slip('size', 'N').replaceAll('N', '0') + slip('chunkEnd', '\r\n') + slip('trailer', chance(0.1) ? 'X: y\r\n' : '') + slip('chunkEnd', '\r\n');
}

function mutate(text, { below, pick }) {
  const at = below(text.length + 1);
  switch (below(6)) {
    case 0: return text.slice(0, at) + pick(INSERTS) + text.slice(at);
    case 1: return text.slice(0, at) + text.slice(at + 1 + below(4));
    case 2: return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
    case 3: return text.slice(0, at) + text.slice(at, at + below(20)).repeat(2) + text.slice(at);
    case 4: return text.slice(0, at) + pick(CORPUS).slice(below(30));
    default: return text.replace(pick(['\r\n', ': ', ' ', '/', '5', '\r\n\r\n']), pick(INSERTS));
  }
}

// One connection's bytes, in the pieces in which they are written.
export function stream(seed, number) {
  const dice = random(seed ^ Math.imul(number + 1, 0x9e3779b1));
  const { below, chance, pick } = dice;
  const slips = pick([0, 0.02, 0.06]);
  const slip = (kind, right) => (chance(slips) ? pick(SLIPS[kind]) : right);
  let text = '';
  for (let i = 1 + below(4); i > 0; i--) text += chance(0.2) ? pick(CORPUS) : request(dice, slip);
  for (let i = pick([0, 0, 0, 1, 1, 2]); i > 0; i--) text = mutate(text, dice);
  const bytes = Buffer.from(text + END, 'latin1');
  const cuts = Array.from({ length: pick([0, 0, 1, 3]) }, () => below(bytes.length)).sort((a, b) => a - b);
  return [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i])).filter((piece) => piece.length > 0);
}
