// Attempts to smuggle a request past whoever reads them otherwise than their sender meant: { name, bytes, verdict }.
// @@@ in the bytes is the attempt's number.
//
// The verdict is what a server that stands alone must make of them, in order: 'TARGET=BODY' for a request that it
// serves, a status (or several, of which one) for its refusal, 'closed' for its end of the connection. Or a list of
// several such verdicts.
export const SMUGGLED = 'GET /@@@/smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
const HELLO = '5\r\nhello\r\n0\r\n\r\n'; // in chunks

// A request with these header lines, each with its end.
const post = (lines, body = '', target = '/@@@/first') => `POST ${target} HTTP/1.1\r\nHost: x\r\n${lines}\r\n${body}`;
const get = (lines = '') => `GET /@@@/first HTTP/1.1\r\nHost: x\r\n${lines}\r\n`;
const chunked = (body) => post('Transfer-Encoding: chunked\r\n', body);
const sized = (lines, body = 'hello') => post(`Content-Length: ${body.length}\r\n${lines}`, body);
const line = (text) => `${text} HTTP/1.1\r\nHost: x\r\n\r\n`;

const BAD = [400];
const BAD_VERSION = [[400, 505]];
const SERVED = ['first=hello'];
const EMPTY = ['first='];
const BOTH = ['first=hello', 'smuggled='];

const twoFramings = {
  'CL.TE': [post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\nG'), BAD],
  'CL.TE with a request': [post(`Content-Length: ${5 + SMUGGLED.length}\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\n${SMUGGLED}`), BAD],
  'CL.TE, nothing': [post('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', HELLO), BAD],
  'TE.CL': [post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`), BAD],
  'both, and they agree': [post(`Content-Length: ${HELLO.length}\r\nTransfer-Encoding: chunked\r\n`, HELLO), BAD],
  'both, of a GET': [`GET /@@@/first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n${HELLO}`, BAD],
  'both, in HTTP/1.0': [`POST /@@@/first HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${HELLO}`, BAD],
  'both, and a wish to continue': [post('Expect: 100-continue\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n', HELLO), BAD],
  'a length, and an empty coding': [sized('Transfer-Encoding:\r\n'), BAD],
  'CL.0: a request in the body of a GET': [`GET /@@@/first HTTP/1.1\r\nHost: x\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`, [`first=${SMUGGLED}`]],
  'CL.0: a request in the body of a POST': [sized('', SMUGGLED), [`first=${SMUGGLED}`]],
  'no framing, and a request behind': [post('', SMUGGLED), ['first=', 'smuggled=']],
  'no framing, and a body behind': [post('', 'hello'), ['first=', [400, 501]]],
};

const NOT_CHUNKED = {
  'another one': 'Transfer-Encoding: xchunked',
  'one not finished': 'Transfer-Encoding: chunke',
  'identity': 'Transfer-Encoding: identity',
  'gzip before it': 'Transfer-Encoding: gzip, chunked',
  'identity before it': 'Transfer-Encoding: identity, chunked',
  'identity behind it': 'Transfer-Encoding: chunked, identity',
  'twice in a list': 'Transfer-Encoding: chunked, chunked',
  'twice': 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'and another in a second header': 'Transfer-Encoding: chunked\r\nTransfer-Encoding: cow',
  'and another in a first header': 'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked',
  'quoted': 'Transfer-Encoding: "chunked"',
  'a parameter': 'Transfer-Encoding: chunked;q=1',
  'VT before it': 'Transfer-Encoding: \x0bchunked',
  'NUL before it': 'Transfer-Encoding: \0chunked',
  'NUL behind it': 'Transfer-Encoding: chunked\0',
  'a byte above ASCII in it': 'Transfer-Encoding: ch\xadunked',
  'a space before the colon': 'Transfer-Encoding : chunked',
  'a tab before the colon': 'Transfer-Encoding\t: chunked',
  'VT before the colon': 'Transfer-Encoding\x0b: chunked',
  'CR before the colon': 'Transfer-Encoding\r: chunked',
  'NUL before the colon': 'Transfer-Encoding\0: chunked',
  'a line break before the colon': 'Transfer-Encoding\r\n : chunked',
  'a line break behind the colon': 'Transfer-Encoding:\r\n chunked',
  'a space before its name': ' Transfer-Encoding: chunked',
  'behind a bare LF': 'X: x\nTransfer-Encoding: chunked',
  'behind a bare CR': 'X: x\rTransfer-Encoding: chunked',
};

// Each alone; beside a length that has a request in its body, where chunks end before it; and beside one that ends
// before it, where a chunk has it in its data.
const hidden = `0\r\n\r\n${SMUGGLED}`;
const shown = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
const coding = (text, verdict = BAD) => [post(`${text}\r\n`, HELLO), verdict];
const codings = {
  ...Object.fromEntries(Object.entries(NOT_CHUNKED).flatMap(([name, text]) => [
    [name, coding(text)],
    [`${name}, and a length`, [sized(`${text}\r\n`, hidden), BAD]],
    [`${name}, and a short length`, [post(`Content-Length: ${shown.indexOf('\n') + 1}\r\n${text}\r\n`, shown), BAD]],
  ])),
  'upper case': coding('Transfer-Encoding: CHUNKED', SERVED),
  'a tab before it': coding('Transfer-Encoding:\tchunked', SERVED),
  'a space behind it': coding('Transfer-Encoding: chunked ', SERVED),
  'no space before it': coding('Transfer-Encoding:chunked', SERVED),
  'in HTTP/1.0': [`POST /@@@/first HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${HELLO}`, BAD],
  'in HTTP/1.0 that stays': [`POST /@@@/first HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n${HELLO}`, BAD],
  'with an underscore': [sized('Transfer_Encoding: chunked\r\n', hidden), [`first=${hidden}`]],
  'of the answer only': [sized('TE: chunked\r\n', hidden), [`first=${hidden}`]],
  'of the connection only': [post('Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n', HELLO), SERVED],
};

// The body is a request, for who overlooks its length. N is that.
const length = (text, verdict = BAD) => [post(`${text.replaceAll('N', SMUGGLED.length)}\r\n`, SMUGGLED), verdict];
const lengths = {
  'twice the same': length('Content-Length: N\r\nContent-Length: N'),
  'two': length('Content-Length: N\r\nContent-Length: 0'),
  'two, one in lower case': length('Content-Length: 0\r\ncontent-length: N'),
  'a list': length('Content-Length: N, N'),
  'a list of two': length('Content-Length: 0, N'),
  'a plus': length('Content-Length: +N'),
  'a minus': length('Content-Length: -N'),
  'hexadecimal': length('Content-Length: 0xN'),
  'two numbers': length('Content-Length: N N'),
  'a fraction': length('Content-Length: N.0'),
  'an exponent': length('Content-Length: Ne0'),
  'a semicolon': length('Content-Length: N;'),
  'nothing': length('Content-Length:'),
  'a word': length('Content-Length: five'),
  'VT behind it': length('Content-Length: N\x0b'),
  'NUL behind it': length('Content-Length: N\0'),
  'more than fits into 64 bits': length('Content-Length: 18446744073709551621', [[400, 413]]),
  'a zero in front': length('Content-Length: 0N', [`first=${SMUGGLED}`]),
  'a space before the colon': length('Content-Length : N'),
  'two spaces before the colon': length('Content-Length  : N'),
  'a tab before the colon': length('Content-Length\t: N'),
  'CR before the colon': length('Content-Length\r: N'),
  'a space before its name': length('X: y\r\n Content-Length: N'),
  'a line break behind the colon': length('Content-Length:\r\n N'),
  'behind a bare LF': length('X: x\nContent-Length: N'),
  'with an underscore': [sized('Content_Length: 50\r\n'), SERVED],
  'of the connection only': [sized('Connection: Content-Length\r\n', SMUGGLED), [`first=${SMUGGLED}`]],
};

const chunks = {
  'an extension': [chunked('5;a=b\r\nhello\r\n0;c\r\n\r\n'), SERVED],
  'an extension in quotes': [chunked('5;a="b;c"\r\nhello\r\n0\r\n\r\n'), SERVED],
  'zeros in front': [chunked('05\r\nhello\r\n000\r\n\r\n'), SERVED],
  'one by one': [chunked('1\r\nh\r\n4\r\nello\r\n0\r\n\r\n'), SERVED],
  'a size with 0x': [chunked('0x5\r\nhello\r\n0\r\n\r\n'), BAD],
  'a size with a plus': [chunked('+5\r\nhello\r\n0\r\n\r\n'), BAD],
  'a size with a minus': [chunked('-5\r\nhello\r\n0\r\n\r\n'), BAD],
  'a last chunk with a minus': [chunked('5\r\nhello\r\n-0\r\n\r\n'), BAD],
  'a size behind a space': [chunked(' 5\r\nhello\r\n0\r\n\r\n'), BAD],
  'a size before a space': [chunked('5 \r\nhello\r\n0\r\n\r\n'), BAD],
  'a size before VT': [chunked('5\x0b\r\nhello\r\n0\r\n\r\n'), BAD],
  'a size with an underscore': [chunked('0_5\r\nhello\r\n0\r\n\r\n'), BAD],
  'no size': [chunked('\r\nhello\r\n0\r\n\r\n'), BAD],
  'an extension without size': [chunked(';a\r\nhello\r\n0\r\n\r\n'), BAD],
  'a size that is a word': [chunked('five\r\nhello\r\n0\r\n\r\n'), BAD],
  'a size of 65 bits that is 5': [chunked('10000000000000005\r\nhello\r\n0\r\n\r\n'), [[400, 413]]],
  'a size of 33 bits that is 5': [chunked('100000005\r\nhello\r\n0\r\n\r\n'), [[400, 413]]],
  'the largest size': [chunked('ffffffffffffffff\r\nhello\r\n0\r\n\r\n'), [[400, 413]]],
  'LF behind the size': [chunked('5\nhello\r\n0\r\n\r\n'), BAD],
  'CR behind the size': [chunked('5\rhello\r\n0\r\n\r\n'), BAD],
  'CR CR LF behind the size': [chunked('5\r\r\nhello\r\n0\r\n\r\n'), BAD],
  'LF in an extension': [chunked(`5;a\nhello\r\n0\r\n\r\n`), BAD],
  'CR in an extension': [chunked('5;a\rb\r\nhello\r\n0\r\n\r\n'), BAD],
  'NUL in an extension': [chunked('5;\0\r\nhello\r\n0\r\n\r\n'), BAD],
  'LF behind the data': [chunked('5\r\nhello\n0\r\n\r\n'), BAD],
  'nothing behind the data': [chunked('5\r\nhello0\r\n\r\n'), BAD],
  'two other bytes behind the data': [chunked('5\r\nhelloXX0\r\n\r\n'), BAD],
  'more data than its size': [chunked('5\r\nhelloX\r\n0\r\n\r\n'), BAD],
  'LF at the end': [chunked('5\r\nhello\r\n0\r\n\n'), BAD],
  'LF LF at the end': [chunked('5\r\nhello\r\n0\n\n'), BAD],
  'CR alone at the end': [chunked('5\r\nhello\r\n0\r\n\rX'), BAD],
  'a request instead of the end': [chunked(`5\r\nhello\r\n0\r\n${SMUGGLED}`), BAD],
  'a request behind the end': [chunked(HELLO + SMUGGLED), BOTH],
  'trailers': [chunked('5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n'), SERVED],
  'a trailer that forges a mark': [chunked('5\r\nhello\r\n0\r\nX-Probe: forged\r\n\r\n'), SERVED],
  'trailers that forge framing': [chunked(`5\r\nhello\r\n0\r\nContent-Length: ${SMUGGLED.length}\r\nHost: y\r\n\r\n${SMUGGLED}`), [BOTH, BAD]],
  'a request behind LF in an extension': [chunked(`2;\nxx\r\n${shown}`), BAD],
  'a request behind a size that is 0 in 64 bits': [chunked(`10000000000000000\r\n\r\n${SMUGGLED}`), [[400, 413]]],
  'a request behind a size that is 0 in 32 bits': [chunked(`100000000\r\n\r\n${SMUGGLED}`), [[400, 413]]],
  'a request behind data that spills': [chunked(`5\r\nhelloXX0\r\n\r\n${SMUGGLED}`), BAD],
  'a trailer without colon': [chunked('5\r\nhello\r\n0\r\nX\r\n\r\n'), BAD],
  'a trailer with a space before the colon': [chunked('5\r\nhello\r\n0\r\nX : y\r\n\r\n'), BAD],
  'a trailer in two lines': [chunked('5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n'), BAD],
  'a trailer with LF': [chunked('5\r\nhello\r\n0\r\nX: y\n\r\n'), BAD],
  'a trailer with NUL': [chunked('5\r\nhello\r\n0\r\nX: \0\r\n\r\n'), BAD],
};

const lines = {
  'LF everywhere': [get().replaceAll('\r', ''), BAD],
  'LF behind the request line': [get().replace('\r', ''), BAD],
  'LF behind a header': [get('X: y\n'), BAD],
  'LF LF at the end': ['GET /@@@/first HTTP/1.1\r\nHost: x\n\n', BAD],
  'LF as last line': ['GET /@@@/first HTTP/1.1\r\nHost: x\r\n\n', BAD],
  'CR everywhere': [get().replaceAll('\n', ''), BAD],
  'CR CR LF at the end': ['GET /@@@/first HTTP/1.1\r\nHost: x\r\n\r\r\n', BAD],
  'CR in a value': [get('X: a\rb\r\n'), BAD],
  'a request behind CR in a value': [get(`X: a\r\r${SMUGGLED.slice(0, -2)}`), BAD],
  'NUL in a value': [get('X: a\0b\r\n'), BAD],
  'NUL in a name': [get('X\0Y: a\r\n'), BAD],
  'DEL in a name': [get('X\x7f: a\r\n'), BAD],
  'a byte above ASCII in a name': [get('X\xe4: a\r\n'), BAD],
  'a space in a name': [get('X Y: a\r\n'), BAD],
  'a bracket in a name': [get('X(Y): a\r\n'), BAD],
  'no name': [get(': a\r\n'), BAD],
  'no colon': [get('X\r\n'), BAD],
  'a request as a header': [get('GET /@@@/smuggled HTTP/1.1\r\n'), BAD],
  'a value in two lines': [get('X: a\r\n b\r\n'), BAD],
  'a value in two lines, by a tab': [get('X: a\r\n\tb\r\n'), BAD],
  'a space before the first header': ['GET /@@@/first HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n', BAD],
  'underscores in names': [get('X_Forwarded_For: 1.2.3.4\r\nX_Probe: forged\r\n'), EMPTY],
  'empty lines before it': [`\r\n\r\n${get()}`, EMPTY],
  'LF before it': [`\n${get()}`, BAD],
  'CR before it': [`\r${get()}`, BAD],
  'a space before it': [` ${get()}`, BAD],
  'NUL before it': [`\0${get()}`, BAD],
  'an empty line behind its body': [`${sized('')}\r\n${SMUGGLED}`, BOTH],
  'a letter behind its body': [`${sized('')}X${SMUGGLED}`, ['first=hello', 501]],
  'a space behind its body': [`${sized('')} ${SMUGGLED}`, ['first=hello', 400]],
};

const requestLines = {
  'two spaces': [line('GET  /@@@/first'), BAD],
  'a tab': [line('GET\t/@@@/first'), BAD],
  'a space at the end': ['GET /@@@/first HTTP/1.1 \r\nHost: x\r\n\r\n', BAD_VERSION],
  'two targets': [line('GET /@@@/first /@@@/smuggled'), BAD_VERSION],
  'no version': ['GET /@@@/first\r\nHost: x\r\n\r\n', BAD_VERSION],
  'a version in lower case': ['GET /@@@/first http/1.1\r\nHost: x\r\n\r\n', BAD_VERSION],
  'a version of two digits': ['GET /@@@/first HTTP/1.10\r\nHost: x\r\n\r\n', BAD_VERSION],
  'a version without dot': ['GET /@@@/first HTTP/11\r\nHost: x\r\n\r\n', BAD_VERSION],
  'version 0.9': ['GET /@@@/first HTTP/0.9\r\nHost: x\r\n\r\n', [505]],
  'version 1.2': ['GET /@@@/first HTTP/1.2\r\nHost: x\r\n\r\n', [505]],
  'version 2.0': ['GET /@@@/first HTTP/2.0\r\nHost: x\r\n\r\n', [505]],
  'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [[400, 501, 505]]],
  'a method in lower case': [line('get /@@@/first'), [501]],
  'a method that is no token': [line('G(T /@@@/first'), BAD],
  'NUL in the method': [line('GE\0T /@@@/first'), BAD],
  'CONNECT': ['CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n', [501]],
  'TRACE': [line('TRACE /@@@/first'), [501]],
  'a fragment': [line('GET /@@@/first#x'), BAD],
  'a control character in the target': [line('GET /@@@/first\x01'), BAD],
  'an escaped NUL': [line('GET /@@@/first%00'), BAD],
  'a bad escape': [line('GET /@@@/first%zz'), BAD],
  'a host as target': [line('GET x:80'), BAD],
  'no slash': [line('GET @@@/first'), BAD],
  'the whole URL': [line('GET http://x/@@@/first'), EMPTY],
  'the URL of another host': [line('GET http://other/@@@/first'), EMPTY],
  'a space in the URL': [line('GET http://x /@@@/first'), BAD],
};

const others = {
  'no Host': ['GET /@@@/first HTTP/1.1\r\n\r\n', BAD],
  'two Hosts': [get('Host: y\r\n'), BAD],
  'the same Host twice': [get('Host: x\r\n'), BAD],
  'a space before the colon of Host': ['GET /@@@/first HTTP/1.1\r\nHost : x\r\n\r\n', BAD],
  'a request behind the last one': [sized('Connection: close\r\n') + SMUGGLED, ['first=hello', 'closed']],
  'a request behind HTTP/1.0': [`POST /@@@/first HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello${SMUGGLED}`, ['first=hello', 'closed']],
  'a request behind HTTP/1.0 that stays': [
    `POST /@@@/first HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello${SMUGGLED}`, BOTH],
  'a wish to continue, and the body at once': [sized('Expect: 100-continue\r\n'), SERVED],
  'a wish to continue without body': [get('Expect: 100-continue\r\n'), EMPTY],
  'a wish to continue, and chunks at once': [post('Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n', HELLO), SERVED],
  'a wish to continue with a space before the colon': [sized('Expect : 100-continue\r\n'), BAD],
  'a wish that nobody knows': [sized('Expect: y 100-continue\r\n'), [SERVED, [[400, 417]]]],
  'h2c, with a body': [sized('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'), SERVED],
  'h2c, with a request behind': [get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n') + SMUGGLED, ['first=', 'smuggled=']],
  'an upgrade to nothing known': [sized('Connection: upgrade\r\nUpgrade: foo/2\r\n'), SERVED],
  'an upgrade without the connection': [sized('Upgrade: websocket\r\n'), [SERVED, [[400, 404, 426]]]],
  'a WebSocket with a body': [
    `GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`, BAD],
  'a WebSocket with a request behind': [
    'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n${SMUGGLED}`, BAD],
  'a WebSocket of another version, with a request behind': [
    'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 7\r\n' +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n${SMUGGLED}`, [[400, 426]]],
};

const groups = { 'two framings': twoFramings, 'Transfer-Encoding': codings, 'Content-Length': lengths, 'chunks': chunks, 'lines': lines,
  'the request line': requestLines, 'others': others };

export const ATTEMPTS = Object.entries(groups).flatMap(([group, attempts]) =>
  Object.entries(attempts).map(([name, [bytes, verdict]]) => ({ name: `${group}: ${name}`, bytes, verdict })));
