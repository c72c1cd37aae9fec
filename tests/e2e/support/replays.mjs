// What clients that do not run here send, byte for byte: spelling and order of headers, queries, and bodies. From the
// sources of engine.io-client-java 2 with okhttp 3.12, socket.io-client-swift 16 with Starscream 4, zishang520's and
// googollee's clients in Go with gorilla/websocket, and SocketIOclient of arduinoWebSockets 2.
//
// Each is { handshake, poll, post, websocket }: functions of { host, sid } and, of post, the body. `base64`: how it
// writes attachments into polls; `extra`: what it posts while it upgrades; `probes`: whether it sends 2probe.
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='; // whose answer RFC 6455, 1.3 gives

const head = (...lines) => `${lines.join('\r\n')}\r\n\r\n`;
const plain = (bytes) => bytes.toString('base64');
// Android's default: lines of 76 characters, each with LF, the last one too.
const lines = (bytes) => plain(bytes).replace(/.{1,76}/g, '$&\n');
const inChunks = (body) => `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`;

const java = (() => {
  const target = (sid, transport) => `/socket.io/?EIO=4&transport=${transport}&t=OQ-x_.1${sid ? `&sid=${sid}` : ''}`;
  const common = (host) => [`Host: ${host}`, 'Connection: Keep-Alive', 'Accept-Encoding: gzip', 'User-Agent: okhttp/3.12.12'];
  const poll = ({ host, sid }) => head(`GET ${target(sid, 'polling')} HTTP/1.1`, 'Accept: */*', ...common(host));
  return {
    handshake: poll,
    poll,
    post: ({ host, sid }, body) =>
      head(`POST ${target(sid, 'polling')} HTTP/1.1`, 'Accept: */*', 'Content-Type: text/plain;charset=UTF-8',
        `Content-Length: ${Buffer.byteLength(body)}`, ...common(host)) + body,
    websocket: ({ host, sid }) =>
      head(`GET ${target(sid, 'websocket')} HTTP/1.1`, 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Key: ${KEY}`,
        'Sec-WebSocket-Version: 13', `Host: ${host}`, 'Accept-Encoding: gzip', 'User-Agent: okhttp/3.12.12'),
    base64: lines,
    probes: true,
  };
})();

// URLSession polls; Starscream writes its dictionary of headers in no order. Its origin is the URL's, with ws for http.
const swift = (compress) => {
  const target = (sid, transport) => `/socket.io/?transport=${transport}${transport === 'polling' ? '&b64=1' : ''}&EIO=4${sid ? `&sid=${sid}` : ''}`;
  const common = (host) => [`Host: ${host}`, 'Accept: */*'];
  const agent = ['Accept-Language: de-DE,de;q=0.9', 'Accept-Encoding: gzip, deflate', 'User-Agent: School/7 CFNetwork/1408.0.4 Darwin/22.5.0', 'Connection: keep-alive'];
  const poll = ({ host, sid }) => head(`GET ${target(sid, 'polling')} HTTP/1.1`, ...common(host), ...agent);
  return {
    handshake: poll,
    poll,
    post: ({ host, sid }, body) =>
      head(`POST ${target(sid, 'polling')} HTTP/1.1`, ...common(host), 'Content-Type: text/plain; charset=UTF-8', ...agent,
        `Content-Length: ${Buffer.byteLength(body)}`) + body,
    websocket: ({ host, sid }) =>
      head(`GET ${target(sid, 'websocket')} HTTP/1.1`, 'Sec-WebSocket-Version: 13', 'Upgrade: websocket', `Origin: ws://${host}`,
        ...(compress ? ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; server_max_window_bits=15'] : []),
        `Host: ${host}`, `Sec-WebSocket-Key: ${KEY}`, 'Connection: Upgrade'),
    base64: plain,
    extra: '6',
    probes: true,
  };
};

// Go sorts the query, and the headers that are not its own. A body of its own type has no known length.
const go = (() => {
  const target = (sid, transport) => `/socket.io/?EIO=4${sid ? `&sid=${sid}` : ''}&t=OQ-x_.1&transport=${transport}`;
  const common = (host) => [`Host: ${host}`, 'User-Agent: Go-http-client/1.1'];
  const poll = ({ host, sid }) => head(`GET ${target(sid, 'polling')} HTTP/1.1`, ...common(host), 'Accept: */*', 'Accept-Encoding: gzip');
  return {
    handshake: poll,
    poll,
    post: ({ host, sid }, body) =>
      head(`POST ${target(sid, 'polling')} HTTP/1.1`, ...common(host), 'Transfer-Encoding: chunked', 'Accept: */*',
        'Content-Type: text/plain;charset=UTF-8', 'Accept-Encoding: gzip') + inChunks(body),
    websocket: ({ host, sid }) =>
      head(`GET ${target(sid, 'websocket')} HTTP/1.1`, ...common(host), 'Connection: Upgrade', `Sec-WebSocket-Key: ${KEY}`,
        'Sec-WebSocket-Version: 13', 'Upgrade: websocket'),
    base64: plain,
    probes: true,
  };
})();

// It polls once, and upgrades on the same connection without a probe.
const arduino = (() => {
  const end = ['Origin: file://', 'User-Agent: arduino-WebSocket-Client'];
  return {
    handshake: ({ host }) => head('GET /socket.io/?EIO=4&transport=polling HTTP/1.1', `Host: ${host}`, 'Connection: keep-alive', ...end),
    websocket: ({ host, sid }) =>
      head(`GET /socket.io/?EIO=4&transport=websocket&sid=${sid} HTTP/1.1`, `Host: ${host}`, 'Connection: Upgrade', 'Upgrade: websocket',
        'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${KEY}`, 'Sec-WebSocket-Protocol: arduino', ...end),
    probes: false,
  };
})();

export const REPLAYS = {
  'Java (okhttp)': java,
  'Swift (Starscream)': swift(false),
  'Swift (Starscream) with compression': swift(true),
  'Go (zishang520)': go,
  'Arduino (arduinoWebSockets)': arduino,
};

// Go's googollee speaks Engine.IO 3, and gives a GET a Content-Type.
export const GOOGOLLEE = ({ host }) =>
  head('GET /socket.io/?EIO=3&t=OQ-x_.1&transport=polling HTTP/1.1', `Host: ${host}`, 'User-Agent: Go-http-client/1.1',
    'Content-Type: application/octet-stream', 'Accept-Encoding: gzip');
