// What an application that moves here from socket.io 4.8 may rely on, byte for byte where there are bytes; and
// that the README's table of it names tests that are there.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parse as parseQuery } from 'node:querystring';
import { afterEach, describe, it } from 'node:test';
import { Tcp } from './support/hostile.mjs';
import { ask } from './support/http.mjs';
import { RawWebSocket } from './support/raw.mjs';
import { useServer } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { within } from './support/wait.mjs';

const module = (head, more = '') => `
local lectern = require "lectern"
local M = ${head}

function M.on_connected(socket) socket:emit("auth", socket.handshake.auth) end
function M.on_message(socket, ...) socket:emit("message-back", ...) end
M["on_message-with-ack"] = function(_, ...) return ... end
function M.on_leave_here(socket, close) socket:disconnect(close) end
function M.on_disconnect(socket, reason)
  lectern.log.info(("%s left: %s; %s"):format(socket.user.id, reason, table.concat(socket.rooms, " ")))
end
${more}
return M
`;
const files = {
  'handlers/main.lua': module('{}', `
function M.on_nothing() return nil end
M.on_1 = function(_, ...) return ... end
function M.on_any(socket, event) socket.data.last = event end
function M.on_last(socket) return socket.data.last, type(socket.data.last) end
function M.before_event(_, event)
  if event == "secret" then return nil, "not for you", "forbidden" end
end
function M.on_secret() return "told" end
function M.on_try_emit(socket, name) return (pcall(socket.emit, socket, name)) end
function M.on_send(socket) socket:send(1, "two") end
function M.on_pictures(socket, n)
  local picture = lectern.binary(("x"):rep(50000))
  for i = 1, n do socket:volatile():emit("picture", i, picture) end
  return n
end`),
  'handlers/custom.lua': module('{ namespace = "/custom" }'),
};
const open = new Set(); // what a test leaves open
const app = (options) => {
  afterEach(() => {
    for (const one of open) one.destroy();
    open.clear();
  });
  return useServer({ example: false, files, ...options });
};
const bearer = (id) => ({ Authorization: `Bearer ${tokenFor(id)}` });

// A WebSocket that bears its token in a header, so that CONNECT need not.
async function socket(room, id, { join = true } = {}) {
  const raw = await RawWebSocket.open(room.server.port, '/socket.io/?EIO=4&transport=websocket', bearer(id));
  open.add(raw);
  await raw.nextPacket();
  if (join) await exchange(raw, ['40'], 2);
  return raw;
}

// Sends packets, and takes so many.
async function exchange(raw, packets, count) {
  for (const packet of packets) raw.send(packet);
  const got = [];
  while (got.length < count) got.push(await raw.nextPacket());
  return got;
}

// A session by polling that has joined "/".
async function polling(room, id) {
  const base = '/socket.io/?EIO=4&transport=polling';
  const handshake = await ask(room.server, base, { headers: bearer(id) });
  const path = `${base}&sid=${JSON.parse(handshake.body.toString().slice(1)).sid}`;
  const session = {
    path,
    post: (body) => ask(room.server, path, { method: 'POST', body, headers: { 'content-length': Buffer.byteLength(body) } }),
    poll: async () => (await ask(room.server, path)).body.toString(),
    // Bytes of a request on a connection of its own, which is then still open.
    async begin(method, rest) {
      const tcp = await Tcp.open(room.server.port);
      open.add(tcp);
      tcp.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\n${rest}`);
      return tcp;
    },
  };
  await session.post('40');
  assert.match(await session.poll(), /^40\{"sid":"[\w-]{20}"\}\x1e42\["auth",\{\}\]$/);
  return session;
}

describe('packets of Socket.IO', () => {
  const room = app();

  it('CONNECT, with and without payload, namespace and comma', async () => {
    const accepted = (prefix) => new RegExp(`^${prefix}\\{"sid":"[\\w-]{20}"\\}$`);
    for (const [packet, prefix, auth] of [
      ['40', '40', '42["auth",{}]'],
      ['40{"level":"123"}', '40', '42["auth",{"level":"123"}]'],
      ['40/custom,', '40/custom,', '42/custom,["auth",{}]'],
      ['40/custom', '40/custom,', '42/custom,["auth",{}]'],
      ['40/custom,{"level":"abc"}', '40/custom,', '42/custom,["auth",{"level":"abc"}]'],
    ]) {
      const raw = await socket(room, 'ada', { join: false });
      const [connect, greeting] = await exchange(raw, [packet], 2);
      assert.match(connect, accepted(prefix));
      assert.equal(greeting, auth);
    }
  });

  it('CONNECT_ERROR for namespaces that are none; a query is part of the name', async () => {
    const raw = await socket(room, 'ada');
    for (const name of ['/random', '/custom?x=1', '/Custom']) {
      assert.deepEqual(await exchange(raw, [`40${name},`], 1), [`44${name},{"message":"Invalid namespace"}`]);
    }
    assert.deepEqual(await exchange(raw, ['40/random'], 1), ['44/random,{"message":"Invalid namespace"}']);
  });

  const [a, b] = [Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6])];
  const two = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
  const rows = [
    [['42["message",1,"2",{"3":[true]}]'], ['42["message-back",1,"2",{"3":[true]}]']],
    [['42456["message-with-ack",1,"2",{"3":[false]}]'], ['43456[1,"2",{"3":[false]}]']],
    [[`452-["message",${two}]`, a, b], [`452-["message-back",${two}]`, a, b]],
    [[`452-789["message-with-ack",${two}]`, a, b], [`462-789[${two}]`, a, b]],
    [['451-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]', a], [`452-["message-back",${two}]`, a, a]],
    [['42007["message-with-ack"]'], ['437[]']],
    [['429007199254740993["message-with-ack"]'], ['439007199254740993[]']],
    [['42999999999999999999999["message"]'], ['42["message-back"]']],
    [['420["no_result"]'], ['430[]']],
    [['420["nothing"]'], ['430[null]']],
    [['421["two_results"]'], ['431[1,"two"]']],
    [['42["send"]'], ['42["message",1,"two"]']],
    [['42["message"]'], ['42["message-back"]']],
  ];
  it('events, acks and attachments', async () => {
    const raw = await socket(room, 'ada');
    for (const [sent, got] of rows) assert.deepEqual(await exchange(raw, sent, got.length), got, `${sent}`);
  });

  it('attachments in base64 as Java and Android write it', async () => {
    const ada = await polling(room, 'ada');
    const bytes = Buffer.from(Array.from({ length: 200 }, (_, i) => i));
    const [text, event] = [bytes.toString('base64'), '452-7["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'];
    for (const end of ['\n', '\r\n']) {
      const wrapped = text.replace(/.{76}|.+$/g, (line) => line + end);
      assert.equal((await ada.post(`${event}\x1eb${wrapped}\x1ebAQID${end}`)).body.toString(), 'ok');
      assert.equal(await ada.poll(), `462-7[${two}]\x1eb${text}\x1ebAQID`);
    }
  });

  it('the same in another namespace, and DISCONNECT leaves the others', async () => {
    const raw = await socket(room, 'ada');
    await exchange(raw, ['40/custom'], 2);
    assert.deepEqual(await exchange(raw, ['42/custom,["message",1]'], 1), ['42/custom,["message-back",1]']);
    assert.deepEqual(await exchange(raw, [`451-/custom,7["message-with-ack",{"_placeholder":true,"num":0}]`, a], 2),
      ['461-/custom,7[{"_placeholder":true,"num":0}]', a]);
    assert.deepEqual(await exchange(raw, ['41/custom', '42["message",2]'], 1), ['42["message-back",2]']);
  });

  it('a number as the name of an event is that name in digits', async () => {
    const raw = await socket(room, 'ada');
    assert.deepEqual(await exchange(raw, ['425[1,2]'], 1), ['435[2]']);
    assert.deepEqual(await exchange(raw, ['42[17]', '426["echo",0]'], 1), ['436[0]']);
  });

  it('what arrives late for a namespace that the server has closed does no harm', async () => {
    const raw = await socket(room, 'ada');
    await exchange(raw, ['40/custom'], 2);
    const late = ['42/custom,["leave_here",false]', '42/custom,["late"]', '42/custom,3["late"]', '41/custom,', '427["echo",0]'];
    assert.deepEqual(await exchange(raw, late, 2), ['41/custom,', '437[0]']);
  });

  it('before_event refuses an event, and the client is told', async () => {
    const raw = await socket(room, 'ada');
    const why = { code: 'forbidden', message: 'not for you' };
    const [ack] = await exchange(raw, ['429["secret"]'], 1);
    assert.deepEqual(JSON.parse(ack.slice(3)), [{ ok: false, error: why }]);
    const [event] = await exchange(raw, ['42["secret"]'], 1);
    assert.deepEqual(JSON.parse(event.slice(2)), ['error', { event: 'secret', ...why }]);
  });

  it('reserved names raise where a handler emits them', async () => {
    const raw = await socket(room, 'ada');
    for (const name of ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener']) {
      assert.deepEqual(await exchange(raw, [`428["try_emit","${name}"]`], 1), ['438[false]'], name);
    }
  });

  it('volatile events with attachments come whole or not at all', async () => {
    const raw = await socket(room, 'ada');
    const reads = await socket(room, 'bob');
    raw.send('42["pictures",400]');
    raw.stopReading();
    assert.deepEqual(await exchange(reads, ['420["echo","the server has turned"]'], 1), ['430["the server has turned"]']);
    raw.send('421["echo",0]');
    raw.socket.resume();
    let pictures = 0;
    for (let packet; (packet = await raw.nextPacket()) !== '431[0]'; pictures++) {
      assert.match(packet, /^451-\["picture",\d+,\{"_placeholder":true,"num":0\}\]$/);
      assert.equal((await raw.nextPacket()).length, 50_000);
    }
    assert.ok(pictures > 0 && pictures < 400, `${pictures}`);
  });
});

describe('JSON', () => {
  const room = app();

  it('goes back as JavaScript would write it', async () => {
    const raw = await socket(room, 'ada');
    for (const [sent, got = sent] of [
      ['[]'], ['{}'], ['[[],{}]'], ['{"a":[]}'], ['{"3":[true]}'], ['[null,1,null]'], ['{"a":null}'], ['{"":1}'], ['{"__proto__":1}'],
      ['-0', '0'], ['1.0', '1'], ['0.1'], ['1e20', '100000000000000000000'], ['1e21', '1e+21'], ['0.000001'], ['1e-7'], ['5e-324'],
      ['9007199254740991'], ['-9007199254740992'], ['123456789012345680000'], ['1e400', 'null'],
      ['"/"'], ['"\\/"', '"/"'], ['"\u2028"'], ['"\\u007f"', '"\u007f"'], ['"\\u001f"'], ['"\\b\\f\\n\\r\\t"'], ['"\\u00e9\\ud83d\\ude00"', '"é😀"'],
    ]) {
      assert.deepEqual(await exchange(raw, [`429["echo",${sent}]`], 1), [`439[${got}]`]);
    }
  });

  it('half a surrogate pair, which is no text in Lua, becomes U+FFFD', async () => {
    const raw = await socket(room, 'ada');
    assert.deepEqual(await exchange(raw, ['429["echo","\\ud800"]'], 1), ['439["\ufffd"]']);
  });
});

describe('the handshake', () => {
  const room = app();

  it('is what handlers read of the request', async () => {
    const started = Date.now();
    const ada = await room.client('ada', {
      transports: ['websocket'], query: { level: '&a', x: 'ü' }, auth: { token: tokenFor('ada'), board: 7 },
      extraHeaders: { 'User-Agent': 'test', Origin: 'http://localhost:3000', Cookie: 'a=1' },
    });
    await ada.hear('connect');
    const { headers, query, auth, url, address, secure, xdomain, issued, time } = await ada.ask('handshake');
    assert.deepEqual(auth, { board: 7 });
    assert.deepEqual(query, { EIO: '4', transport: 'websocket', level: '&a', x: 'ü' });
    assert.match(url, /^\/socket\.io\/\?.*level=%26a/);
    assert.deepEqual([address, secure, xdomain], ['127.0.0.1', false, true]);
    assert.ok(issued >= started && issued <= Date.now());
    assert.equal(new Date(time).getTime(), issued);
    for (const [name, value] of Object.entries({
      'user-agent': 'test', origin: 'http://localhost:3000', cookie: 'a=1', host: `127.0.0.1:${room.server.port}`,
      upgrade: 'websocket', connection: 'Upgrade',
    })) {
      assert.equal(headers[name], value);
    }
  });
});

// Part by part of the table of errors: method, path, headers, status, body.
const QUERY = '/socket.io/?EIO=4&transport=polling';
const ERRORS = {
  'no transport': ['GET', '/socket.io/?EIO=4', {}, 400, { code: 0, message: 'Transport unknown' }],
  'nothing at all': ['GET', '/socket.io/', {}, 400, { code: 0, message: 'Transport unknown' }],
  'another transport': ['GET', '/socket.io/?EIO=4&transport=webtransport', {}, 400, { code: 0, message: 'Transport unknown' }],
  'an unknown session, before the version': ['GET', '/socket.io/?transport=polling&sid=abc', {}, 400, { code: 1, message: 'Session ID unknown' }],
  'an unknown session, before the method': ['PUT', `${QUERY}&sid=abc`, {}, 400, { code: 1, message: 'Session ID unknown' }],
  POST: ['POST', QUERY, {}, 400, { code: 2, message: 'Bad handshake method' }],
  PUT: ['PUT', QUERY, {}, 400, { code: 2, message: 'Bad handshake method' }],
  'OPTIONS without CORS': ['OPTIONS', QUERY, {}, 400, { code: 2, message: 'Bad handshake method' }],
  'WebSocket without an upgrade': ['GET', '/socket.io/?EIO=4&transport=websocket', {}, 400, { code: 3, message: 'Bad request' }],
  'no version': ['GET', '/socket.io/?transport=polling', {}, 400, { code: 5, message: 'Unsupported protocol version' }],
  'version 3': ['GET', '/socket.io/?EIO=3&transport=polling', {}, 400, { code: 5, message: 'Unsupported protocol version' }],
  'a path that only begins alike': ['GET', '/socket.iofoo', {}, 404],
  'the path without its slash': ['GET', '/socket.io?EIO=4&transport=polling', {}, 404],
};

describe('the query of a handshake', () => {
  const room = app();
  const QUERIES = [
    'note=a%0Ab', 'nul=a%00b', Array.from({ length: 300 }, (_, i) => `p${i}=${i}`).join('&'), 'a%3Db=c', 'a=%', 'a=100%', 'a=%zz&b=%4',
    'a;b=c;d', 'a=b&', '&&a=b&&', 'a=1+2%2B3', 'a+b=c', 'a', 'a=', '=a', '=', 'a=b=c', 'a=b&a=c&a=d', 'a=%C3%BC%F0%9F%98%80', 'a=%ff', 'a[]=b&a[]=c',
    'a="<>{}|\\^`', "a='b'", Array.from({ length: 1100 }, (_, i) => `${i}`).join('&'),
  ];

  it('is decoded as querystring of Node does it', async () => {
    for (const query of QUERIES) {
      const sent = `EIO=4&transport=websocket&${query}`;
      const raw = await RawWebSocket.open(room.server.port, `/socket.io/?${sent}`);
      await raw.joinNamespace({ token: tokenFor('ada') });
      raw.send('421["handshake"]');
      let packet = '';
      while (!packet.startsWith('431')) packet = await raw.nextPacket();
      const { url, query: got } = JSON.parse(packet.slice(3))[0];
      assert.deepEqual(got, { ...parseQuery(sent) }, query.slice(0, 80));
      assert.equal(url, `/socket.io/?${sent}`);
      raw.destroy();
    }
  });
});

describe('connection errors', () => {
  const room = app({ env: { FRONTEND_URL: undefined } });

  for (const [what, [method, path, headers, status, body]] of Object.entries(ERRORS)) {
    it(`${what}: as the reference answers`, async () => {
      const answer = await ask(room.server, path, { method, headers: { ...headers, ...(method === 'GET' ? {} : { 'content-length': 0 }) } });
      assert.equal(answer.status, status);
      if (body === undefined) return;
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.equal(answer.body.toString(), JSON.stringify(body));
    });
  }

  it('within a session: another transport, another method', async () => {
    const session = await polling(room, 'ada');
    const other = await ask(room.server, session.path.replace('polling', 'websocket'));
    assert.deepEqual([other.status, other.body.toString()], [400, '{"code":3,"message":"Bad request"}']);
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      const { status, body } = await ask(room.server, session.path, { method, headers: { 'content-length': 0 } });
      assert.deepEqual([status, body.length], [500, 0]);
    }
    await session.post('420["echo","alive"]');
    assert.equal(await session.poll(), '430["alive"]');
  });

  it('paths below the own one are the own one', async () => {
    assert.equal((await ask(room.server, '/socket.io/default/?EIO=4&transport=polling')).status, 200);
  });
});

// How a client goes, and what on_disconnect is told. Those by polling have no poll pending but where one is begun.
const REASONS = {
  'client namespace disconnect': { '41': (raw) => raw.send('41') },
  'server namespace disconnect': {
    'by a handler': (raw) => raw.send('42["leave_here",false]'),
    'by a handler, with the connection': (raw) => raw.send('42["leave_here",true]'),
  },
  'transport close': {
    'end of TCP': (raw) => raw.destroy(),
    'close frame': (raw) => raw.send(Buffer.from([0x03, 0xe8]), 8),
    'close packet': (raw) => raw.send('1'),
    'close packet by polling': [(session) => session.post('1')],
  },
  'transport error': {
    'reserved opcode': (raw) => raw.send('x', 3),
    'no UTF-8': (raw) => raw.send(Buffer.from([0x34, 0xff]), 1),
    'too long': (raw) => raw.socket.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x1f, 0, 0, 1, 2, 3, 4])),
    'ping of the wrong side': (raw) => raw.send('2'),
    'poll given up': [async (session) => (await session.begin('GET', '\r\n')).destroy()],
    'two polls': [async (session) => [await session.begin('GET', '\r\n'), await session.begin('GET', '\r\n')]],
    'post given up': [async (session) => (await session.begin('POST', 'Content-Length: 9\r\n\r\n42[')).destroy()],
    'ping of the wrong side by polling': [(session) => session.post('2')],
  },
  'parse error': {
    'no packet': (raw) => raw.send('abc'),
    'empty frame': (raw) => raw.send(''),
    'no packet by polling': [(session) => session.post('abc')],
    'empty body': [(session) => session.post('')],
  },
  'forced close': {
    'unknown type': (raw) => raw.send('4abc'),
    'no event': (raw) => raw.send('42{}'),
    'second CONNECT': (raw) => raw.send('40'),
    'event for a namespace not joined': (raw) => raw.send('42/custom,["x"]'),
    'unknown type by polling': [(session) => session.post('4abc')],
    'second CONNECT by polling': [(session) => session.post('40')], // "forced server close" in the reference
  },
};

describe('reasons', () => {
  const room = app({ args: ['--drain-timeout', '300'] }); // who is gone by polling takes no last packets

  for (const [reason, ways] of Object.entries(REASONS)) {
    it(`${reason}: on_disconnect is told so, and still knows the rooms`, async () => {
      await Promise.all(Object.entries(ways).map(async ([way, does]) => {
        const name = `${reason}: ${way}`.replaceAll(' ', '_');
        await (Array.isArray(does) ? does[0](await polling(room, name)) : does(await socket(room, name)));
        await room.server.logged(new RegExp(`${name} left: ${reason}; [\\w-]{20}$`, 'm'));
      }));
    });
  }
});

describe('the reason of silence', () => {
  const room = app({ args: ['--ping-interval', '300', '--ping-timeout', '200'] });

  it('is ping timeout', async () => {
    await socket(room, 'ada');
    await room.server.logged(/ada left: ping timeout;/);
  });
});

describe('the end of the server', () => {
  const room = app();

  it('is server shutting down, without DISCONNECT: a poll gets 1, a WebSocket a close frame without a code', async () => {
    const { server } = room;
    const raw = await socket(room, 'ada');
    const session = await polling(room, 'bob');
    const parked = await session.begin('GET', '\r\n');
    for (let turn = 0; turn < 20; turn++) assert.deepEqual(await exchange(raw, ['420["echo",0]'], 1), ['430[0]']);
    await room.restart();
    await parked.closed;
    assert.match(parked.text, /^HTTP\/1.1 200 .*\r\n\r\n1$/s);
    await within(5000, raw.closed, () => 'it stays open');
    assert.deepEqual([raw.messages, raw.closeCode], [[], 1005]);
    for (const name of ['ada', 'bob']) assert.match(server.log, new RegExp(`${name} left: server shutting down;`));
  });
});

describe('allow_upgrades off', () => {
  const room = app({ args: ['--no-allow-upgrades'] });

  it('offers no upgrade, and lets none happen', async () => {
    const ada = room.client('ada');
    await ada.hear('connect');
    assert.deepEqual(await ada.ask('echo', 1), 1);
    assert.equal(ada.transport, 'polling');
    const { body } = await ask(room.server, QUERY);
    assert.deepEqual(JSON.parse(body.toString().slice(1)).upgrades, []);
  });
});

describe('closing by the server', () => {
  const room = app();

  it('with the connection: DISCONNECT for each namespace, then the end', async () => {
    const raw = await socket(room, 'ada');
    await exchange(raw, ['40/custom'], 2);
    const packets = await exchange(raw, ['42["leave_here",true]'], 2);
    assert.deepEqual(packets.sort(), ['41', '41/custom,']);
    await within(5000, raw.closed, () => 'it stays open');
    assert.equal(raw.closeCode, 1005);
  });

  it('by polling, without a poll pending: what was sent, then 6 and 1', async () => {
    const session = await polling(room, 'bob');
    await session.post('42["leave_here",true]');
    assert.equal(await session.poll(), '41');
    assert.equal(await session.poll(), '6\x1e1');
    assert.equal(await session.poll(), '{"code":1,"message":"Session ID unknown"}');
  });
});

describe('the README', () => {
  const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
  const [, table] = /<!-- compatibility -->\n(.*?)<!-- \/compatibility -->/s.exec(read('../../README.md'));
  const rows = table.split('\n').filter((line) => /^\| (?!\*\*|in socket\.io)/.test(line));
  // `file.test.mjs` "title": part of a title in e2e or browser, as it stands there.
  const named = [...table.matchAll(/`([\w/]+\.test\.mjs)`((?:,? "[^"]+")+)/g)].flatMap(([, file, titles]) =>
    [...titles.matchAll(/"([^"]+)"/g)].map(([, title]) => ({ file, title })));

  it('names tests that are there', () => {
    assert.ok(named.length > 60, `${named.length}`);
    for (const { file, title } of named) {
      const text = read(file.includes('/') ? `../${file}` : file);
      const titles = [...text.matchAll(/\b(?:it|test|describe)\((['`])(.*?)\1,/g)].map((match) => match[2]);
      assert.ok(titles.some((one) => one.includes(title)), `${file} has no test "${title}"`);
    }
  });

  it('has a verdict in each row, and a test for each yes', () => {
    assert.ok(rows.length > 40, `${rows.length}`);
    for (const row of rows) {
      const [, , verdict, why] = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
      assert.match(verdict, /^(yes|no|differs)$/, row);
      if (verdict === 'yes') assert.match(why, /\.test\.mjs` "/, row);
      assert.ok(why.length > 10, row);
    }
  });
});
