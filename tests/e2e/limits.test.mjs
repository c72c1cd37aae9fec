// Every limit of the settings, each with a client on a bare socket that goes past it: what it is told,
// and that others and the server's memory do not notice. A new limit must bring its case.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { ask, assertSettled, guest, heapOf, reply, status, Tcp } from './support/hostile.mjs';
import { lectern } from './support/process.mjs';
import { RawWebSocket } from './support/raw.mjs';
import { useServer } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { until, within } from './support/wait.mjs';

const TIME = 1500; // of the time-outs that are tested: what happens before must not take so long
// So that what a test leaves is soon gone.
const BRIEF = { ping_interval: 1000, ping_timeout: 3000, keepalive_timeout: 1500 };
const HANDLERS = `
  local lectern = require "lectern"
  local M = {}
  function M.on_hand() return "up" end
  function M.on_nap() lectern.sleep(60) end
  function M.on_revoke(_, id) return lectern.revoke_user(id) end
  return M`;
const THIRD = 'return { namespace = "/third", on_echo = function(_, v) return v end }';
const CLASSES = 'return { namespace = "/class-*" }';
const files = { 'handlers/zz_limits.lua': HANDLERS, 'handlers/zz_third.lua': THIRD, 'handlers/zz_classes.lua': CLASSES };
const SLOW = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS n FROM n';
const DATABASE = {
  'migrations/0001_things.sql': 'CREATE TABLE things (data BLOB);',
  'handlers/zz_db.lua': `
    local lectern = require "lectern"
    local M = {}
    function M.on_sql(_, ...) return lectern.db.query(...) end
    function M.on_slow(_, n)
      for _ = 1, n do lectern.spawn(lectern.db.query, "${SLOW}") end
      return true
    end
    function M.on_hold()
      lectern.db.transaction(function(tx)
        tx:query "DELETE FROM things"
        lectern.sleep(60)
      end)
    end
    return M`,
};
const flags = (settings) => Object.entries(settings).flatMap(([name, value]) => [`--${name.replace(/[._]/g, '-')}`, String(value)]);

const get = (target = '/healthz') => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`;
const POLLING = '/socket.io/?EIO=4&transport=polling';
const handshake = (headers = '') => `GET ${POLLING} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const gone = (raw, ms = 10_000) => within(ms, raw.closed, () => 'the connection stays open');
const counter = async (server, name) => (await status(server)).counters[name].total;

// A polling session that has joined "/".
async function poller(server, id) {
  const open = await (await fetch(`${server.url}${POLLING}`)).text();
  const url = `${server.url}${POLLING}&sid=${JSON.parse(open.slice(1)).sid}`;
  const post = (body) => fetch(url, { method: 'POST', body });
  await post(`40${JSON.stringify({ token: tokenFor(id) })}`);
  assert.match(await (await fetch(url)).text(), /^40/);
  return { url, post };
}

// Cases by setting, in groups that share a server with these settings. A case gets the server and the
// values; it is over when its clients are gone.
const GROUPS = [
  {
    settings: {
      max_http_buffer_size: 60_000, max_connect_bytes: 2000, max_header_bytes: 2048, max_namespaces: 2, max_dynamic_namespaces: 2, max_namespace_name: 30, max_rooms: 5, max_room_name: 40,
      max_event_name: 32, max_acks: 3, max_attachments: 3, max_attachment_bytes: 100_000, max_json_depth: 8,
      max_arguments: 4, max_tasks: 5, max_refusals: 4, max_queue_bytes: 100_000, max_revocations: 2, 'jwt.max_bytes': 600,
      ack_timeout: TIME,
    },
    cases: {
      async max_http_buffer_size(server, size) {
        const raw = await guest(server.port, 'mallory');
        raw.send(`42["echo","${'x'.repeat(size)}"]`);
        await gone(raw);
        assert.equal(raw.closeCode, 1009);
        const { url, post } = await poller(server, 'mallory');
        assert.equal((await post(`42["echo","${'x'.repeat(size)}"]`)).status, 413);
        await post('1');
        assert.equal((await fetch(url)).status, 400);
      },
      async max_connect_bytes(server, size) {
        const tooLong = `40${JSON.stringify({ token: tokenFor('mallory'), more: 'x'.repeat(size) })}`;
        const raw = await RawWebSocket.open(server.port);
        await raw.nextPacket();
        raw.send(tooLong);
        await gone(raw);
        assert.equal(raw.closeCode, 1009);
        const { sid } = JSON.parse((await (await fetch(server.url + POLLING)).text()).slice(1));
        const url = `${server.url}${POLLING}&sid=${sid}`;
        assert.equal((await fetch(url, { method: 'POST', body: tooLong })).status, 413);
        await fetch(url, { method: 'POST', body: '1' });
        // Who has joined may say more, by WebSocket and by polling.
        const ada = await guest(server.port, 'ada');
        assert.equal(await reply(ada, 'echo', 'x'.repeat(size)), 'x'.repeat(size));
        ada.destroy();
        const bob = await poller(server, 'bob');
        assert.equal((await bob.post(`42["echo","${'x'.repeat(size)}"]`)).status, 200);
        await bob.post('1');
      },
      async max_header_bytes(server, size) {
        for (const text of [`GET /${'x'.repeat(size)} HTTP/1.1\r\n`, `GET / HTTP/1.1\r\nAccept: ${'x'.repeat(size)}\r\n`, `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(size / 4)}`]) {
          const tcp = await Tcp.open(server.port);
          tcp.write(`${text}Host: x\r\n\r\n`);
          await tcp.ends();
          assert.doesNotMatch(tcp.text, /^HTTP\/1.1 2/);
        }
      },
      async max_namespaces(server) {
        const raw = await guest(server.port, 'mallory');
        for (const [name, answer] of [['/whiteboard', /^40\/whiteboard,/], ['/third', /^44\/third,\{"message":"Too many namespaces"\}$/]]) {
          raw.send(`40${name},${JSON.stringify({ token: tokenFor('mallory') })}`);
          assert.match(await raw.nextPacket(), answer);
        }
        raw.destroy();
      },
      async max_dynamic_namespaces(server, n) {
        const join = async (id, name) => {
          const raw = await guest(server.port, id);
          raw.send(`40${name},${JSON.stringify({ token: tokenFor(id) })}`);
          return [raw, await raw.nextPacket()];
        };
        const joined = [];
        for (let i = 0; i < n; i++) joined.push(await join(`m${i}`, `/class-${i}`));
        for (const [, answer] of joined) assert.match(answer, /^40\/class-\d,/);
        const [raw, answer] = await join('mallory', '/class-more');
        assert.match(answer, /^44\/class-more,\{"message":"Too many dynamic namespaces"\}$/);
        for (const one of [raw, ...joined.map(([each]) => each)]) one.destroy();
      },
      async max_namespace_name(server, n) {
        const raw = await guest(server.port, 'mallory');
        const name = `/class-${'x'.repeat(n)}`;
        raw.send(`40${name},${JSON.stringify({ token: tokenFor('mallory') })}`);
        assert.match(await raw.nextPacket(), /^44\/class-x+,\{"message":"Namespace name too long"\}$/);
        raw.destroy();
      },
      async max_rooms(server, n) {
        const raw = await guest(server.port, 'mallory');
        for (let i = 0; i < n; i++) assert.equal(await reply(raw, 'enter', `r${i}`), true);
        assert.equal((await reply(raw, 'enter', 'more')).error.code, 'full');
        raw.destroy();
      },
      async max_room_name(server, n) {
        const raw = await guest(server.port, 'mallory');
        assert.equal(await reply(raw, 'enter', 'x'.repeat(n)), true);
        assert.equal((await reply(raw, 'enter', 'x'.repeat(n + 1))).error.code, 'too_big');
        raw.destroy();
      },
      async max_event_name(server, n) {
        const raw = await guest(server.port, 'mallory');
        raw.send(`42["${'x'.repeat(n)}"]`);
        assert.equal(await reply(raw, 'echo', 1), 1);
        raw.send(`42["${'x'.repeat(n + 1)}"]`);
        await gone(raw);
      },
      async max_acks(server, n) {
        const raw = await guest(server.port, 'mallory');
        for (let i = 0; i <= n; i++) raw.send(`42${i}["ask_me","?"]`);
        let packet;
        while (!(packet = await raw.nextPacket()).startsWith('43'));
        assert.match(packet, new RegExp(`^43${n}\\[\\{.*"code":"full"`));
        raw.destroy();
      },
      async ack_timeout(server) {
        const raw = await guest(server.port, 'mallory');
        assert.equal((await reply(raw, 'ask_me', '?')).code, 'timeout');
        raw.destroy();
      },
      async max_attachments(server, n) {
        const raw = await guest(server.port, 'mallory');
        const event = (count) => `45${count}-["e",${Array.from({ length: count }, (_, num) => `{"_placeholder":true,"num":${num}}`)}]`;
        raw.send(event(n));
        for (let i = 0; i < n; i++) raw.send(Buffer.from([i]));
        assert.equal(await reply(raw, 'echo', 1), 1);
        raw.send(event(n + 1));
        await gone(raw);
      },
      async max_attachment_bytes(server, n) {
        const raw = await guest(server.port, 'mallory');
        raw.send('453-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]');
        for (let i = 0; i < 3; i++) raw.send(Buffer.alloc(Math.ceil(n / 2)));
        await gone(raw);
      },
      async max_json_depth(server, n) {
        const raw = await guest(server.port, 'mallory');
        raw.send(`42["echo",${'['.repeat(n)}${']'.repeat(n)}]`);
        await gone(raw);
      },
      async max_arguments(server, n) {
        const raw = await guest(server.port, 'mallory');
        const args = Array.from({ length: n }, () => 1);
        assert.equal(await reply(raw, 'count_arguments', ...args), n);
        assert.equal((await reply(raw, 'count_arguments', 1, ...args)).error.code, 'too_big');
        raw.destroy();
      },
      async max_tasks(server, n) {
        const raw = await guest(server.port, 'mallory');
        for (let i = 0; i < n; i++) raw.send('42["nap"]');
        assert.equal((await reply(raw, 'echo', 1)).error.code, 'full');
        raw.destroy();
      },
      async max_refusals(server, n) {
        const raw = await RawWebSocket.open(server.port);
        await raw.nextPacket();
        for (let i = 0; i < n; i++) {
          raw.send('40{"token":"forged"}');
          assert.match(await raw.nextPacket(), /^44\{"message":"Authentication error/);
        }
        raw.send('40{"token":"forged"}');
        await gone(raw);
      },
      async max_queue_bytes(server, bytes) {
        const other = await guest(server.port, 'mallet');
        // Long messages, and many tiny ones, which cost more than their bytes; to somebody who does not poll.
        for (const [n, size] of [[Math.ceil(bytes / 5000), 5000], [2500, 1]]) {
          const { url, post } = await poller(server, 'mallory');
          await post(`42["enter","hall${size}"]`);
          assert.equal(await reply(other, 'flood', { room: `hall${size}`, n: 10, size }), 10);
          assert.equal((await (await fetch(url)).text()).split('\x1e').length, 10);
          await reply(other, 'flood', { room: `hall${size}`, n, size });
          assert.equal((await fetch(url)).status, 400);
        }
        assert.equal(await counter(server, 'sessions_slow'), 2);
        other.destroy();
      },
      async max_revocations(server, n) {
        const raw = await guest(server.port, 'teacher');
        for (let i = 0; i <= n; i++) await reply(raw, 'revoke', `somebody ${i}`);
        await server.logged(new RegExp(`more than ${n} revocations`));
        raw.destroy();
      },
      async 'jwt.max_bytes'(server, n) {
        const raw = await RawWebSocket.open(server.port);
        const answer = await raw.joinNamespace({ token: tokenFor('mallory', { more: 'x'.repeat(n) }) });
        assert.match(answer, /^44\{"message":"Authentication error: /);
        raw.destroy();
      },
    },
  },
  {
    settings: {
      header_timeout: TIME, body_timeout: TIME, keepalive_timeout: TIME, linger_timeout: TIME, send_timeout: 1500,
      close_timeout: TIME, connect_timeout: TIME, upgrade_timeout: TIME, attachment_timeout: TIME,
      ping_interval: TIME, ping_timeout: TIME,
    },
    files: { 'public/large.bin': 'x'.repeat(14_000_000) },
    cases: {
      async header_timeout(server, ms) {
        // Nothing at all, and one byte after the other.
        for (const drip of ['', 'x']) {
          const tcp = await Tcp.open(server.port);
          if (drip) tcp.write('GET / HTTP/1.1\r\nHost: x\r\nAccept: ');
          assert.ok((await tcp.ends({ drip })) > ms * 0.8);
          assert.doesNotMatch(tcp.text, /^HTTP\/1.1 2/);
        }
      },
      async body_timeout(server, ms) {
        const { url } = await poller(server, 'mallory');
        const tcp = await Tcp.open(server.port);
        tcp.write(`POST ${url.slice(server.url.length)} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n4`);
        assert.ok((await tcp.ends({ drip: 'x' })) > ms * 0.8);
      },
      async keepalive_timeout(server, ms) {
        const tcp = await Tcp.open(server.port);
        tcp.write(get());
        assert.equal(await tcp.status(), 200);
        assert.ok((await tcp.ends()) > ms * 0.8);
      },
      async linger_timeout(server, ms) {
        // A body that nobody wants, and that does not come.
        const tcp = await Tcp.open(server.port);
        tcp.write('POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n');
        assert.equal(await tcp.status(), 404);
        assert.ok((await tcp.ends({ drip: 'x' })) > ms * 0.8);
      },
      async send_timeout(server) {
        const tcp = await Tcp.open(server.port);
        tcp.socket.pause();
        tcp.write(get('/large.bin'));
        const [near, far] = [server.port, tcp.socket.localPort].map((port) => port.toString(16).toUpperCase().padStart(4, '0'));
        const held = () => new RegExp(`:${near} [0-9A-F]{8}:${far} `).test(readFileSync('/proc/net/tcp', 'utf8')); // the server's end
        assert.ok(held());
        await until(() => !held(), 'the server gives up', 15_000);
        tcp.destroy();
      },
      async close_timeout(server) {
        const { post } = await poller(server, 'mallory');
        await post('42["kick",true]');
        await until(async () => (await status(server)).sessions.closing === 0, 'it is not waited for');
      },
      async connect_timeout(server, ms) {
        const from = performance.now();
        const raw = await RawWebSocket.open(server.port);
        await gone(raw);
        assert.ok(performance.now() - from > ms * 0.8);
      },
      async upgrade_timeout(server) {
        const { url, post } = await poller(server, 'mallory');
        const sid = new URL(url).searchParams.get('sid');
        const probe = await RawWebSocket.open(server.port, `/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
        probe.send('2probe');
        await gone(probe);
        await post('1');
      },
      async attachment_timeout(server) {
        const raw = await guest(server.port, 'mallory');
        raw.send('452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
        raw.send(Buffer.from([1]));
        raw.wake = () => raw.messages.includes('2') && (raw.messages.length = 0, raw.send('3'));
        await gone(raw);
        assert.ok((await counter(server, 'clients_bad_packet')) > 0);
      },
      async ping_timeout(server) {
        const raw = await guest(server.port, 'mallory');
        await gone(raw);
        assert.ok((await counter(server, 'sessions_ping_timeout')) > 0);
      },
    },
  },
  {
    settings: { 'limits.events_per_second': 5, 'limits.bytes_per_second': 20_000, 'limits.burst': 4, 'limits.events': 'hand=1', max_http_buffer_size: 60_000 },
    cases: {
      async 'limits.events_per_second'(server, n, settings) {
        const raw = await guest(server.port, 'mallory');
        const sent = n * settings['limits.burst'] * 2;
        for (let i = 0; i < sent; i++) raw.send(`42${i}["echo",${i}]`);
        const answers = [];
        while (answers.length < sent) answers.push(await raw.nextPacket());
        const refused = answers.filter((one) => one.endsWith('[{"ok":false,"error":{"code":"rate_limited","message":"too many events a second"}}]'));
        assert.ok(refused.length > 0 && refused.length <= sent / 2 + 1, `${refused.length} of ${sent}`);
        await until(async () => (await reply(raw, 'echo', 'later')) === 'later', 'it may send again');
        // Without an ack: the event `error`, once a second.
        for (let i = 0; i < 10 * n; i++) raw.send('42["echo",1]');
        assert.equal(await raw.nextPacket(), '42["error",{"event":"echo","code":"rate_limited","message":"too many events a second"}]');
        raw.destroy();
        // Who does not stop is disconnected, and does not come back by itself.
        const flood = await guest(server.port, 'flood');
        for (let i = 0; i < 400; i++) flood.send('42["echo",1]');
        await gone(flood);
        const packets = flood.messages.filter((one) => one.startsWith('4'));
        assert.equal(packets.at(-2), '42["error",{"code":"rate_limited","message":"disconnected for sending far too much"}]');
        assert.equal(packets.at(-1), '41');
        assert.equal(await counter(server, 'clients_flooding'), 1);
        // So are those who join and leave.
        const joiner = await RawWebSocket.open(server.port);
        await joiner.nextPacket();
        for (let i = 0; i < 30; i++) {
          joiner.send(`40${JSON.stringify({ token: tokenFor('joiner') })}`);
          joiner.send('41');
        }
        const limited = '44{"message":"Too many events a second","data":{"code":"rate_limited"}}';
        await until(() => joiner.messages.includes(limited) || joiner.socket.closed, 'the joiner is stopped');
        joiner.destroy();
      },
      async 'limits.bytes_per_second'(server) {
        const raw = await guest(server.port, 'mallory');
        const answers = [];
        for (let i = 0; i < 4; i++) answers.push(await reply(raw, 'echo', 'x'.repeat(30_000)));
        assert.equal(answers[0].length, 30_000);
        assert.deepEqual(answers.at(-1), { ok: false, error: { code: 'rate_limited', message: 'too many bytes a second' } });
        raw.destroy();
      },
      async 'limits.events'(server, _, settings) {
        const raw = await guest(server.port, 'mallory');
        const answers = [];
        for (let i = 0; i < settings['limits.burst'] + 2; i++) answers.push(await reply(raw, 'hand'));
        assert.equal(answers[0], 'up');
        assert.equal(answers.at(-1).error.code, 'rate_limited');
        assert.equal(await reply(raw, 'echo', 'other events go on'), 'other events go on');
        raw.destroy();
      },
      async 'limits.burst'(server, seconds, settings) {
        const raw = await guest(server.port, 'honest');
        const n = seconds * settings['limits.events_per_second'] - 1; // joining counts
        for (let i = 0; i < n; i++) raw.send(`42${i}["echo",${i}]`);
        for (let i = 0; i < n; i++) assert.equal(await raw.nextPacket(), `43${i}[${i}]`);
        raw.destroy();
      },
    },
  },
  {
    settings: { max_connections: 12 },
    cases: {
      async max_connections(server, n) {
        const all = [];
        for (let i = 0; i < n + 3; i++) all.push(await Tcp.open(server.port));
        await until(() => all.filter((tcp) => tcp.socket.closed).length === 3, 'three are closed');
        for (const tcp of all) tcp.destroy();
        // As many clients as may be, of which none has joined anything: one who wants to gets in.
        await until(async () => (await status(server)).connections === 0, 'all are gone');
        const idle = [];
        for (let i = 0; i < n - 1; i++) idle.push(await RawWebSocket.open(server.port));
        (await guest(server.port, 'ada')).destroy();
        for (const raw of idle) raw.destroy();
      },
    },
  },
  {
    settings: { max_connections_per_address: 2, max_connections_per_user: 2, trusted_proxies: '127.0.0.9' },
    cases: {
      async max_connections_per_address(server, n) {
        const crowd = { localAddress: '127.0.0.5' };
        for (let i = 0; i < n; i++) assert.equal((await ask(server.port, handshake(), crowd)).status, 200);
        const refused = await ask(server.port, handshake(), crowd);
        assert.equal(refused.status, 429);
        assert.match(refused.text, /retry-after: 1\r\n/);
        assert.match(refused.text, /\{"code":429,"message":"Too many connections from this address"\}$/);
        assert.equal((await ask(server.port, handshake('X-Forwarded-For: 7.7.7.7\r\n'), crowd)).status, 429); // what it says does not count
        // By TCP connections: four times as many, of a proxy as many as there are.
        for (const [localAddress, most] of [['127.0.0.6', 4 * n], ['127.0.0.9', 20]]) {
          const all = [];
          for (let i = 0; i < 20; i++) all.push(await Tcp.open(server.port, { localAddress }));
          await until(() => all.filter((tcp) => tcp.socket.closed).length === 20 - most, 'too many are closed');
          for (const tcp of all) tcp.destroy();
        }
        // Of a proxy's clients each counts for itself.
        const proxy = { localAddress: '127.0.0.9' };
        for (const client of ['6.6.6.6', '2001:db8::1', '2001:db8::2']) assert.equal((await ask(server.port, handshake(`X-Forwarded-For: ${client}\r\n`), proxy)).status, 200);
        assert.equal((await ask(server.port, handshake('X-Forwarded-For: 2001:db8::3\r\n'), proxy)).status, 429);
        const { counters } = await status(server);
        assert.equal(counters.sessions_refused_address.total, 3);
        assert.equal(counters.connections_refused_address.total, 20 - 4 * n);
      },
      async max_connections_per_user(server) {
        const open = async (localAddress) => RawWebSocket.open(server.port, undefined, {}, { localAddress });
        const all = [];
        for (const host of ['127.0.0.11', '127.0.0.12', '127.0.0.13']) all.push(await open(host));
        const answers = [];
        for (const raw of all) answers.push(await raw.joinNamespace({ token: tokenFor('ada') }));
        assert.match(answers[1], /^40/);
        assert.equal(answers[2], '44{"message":"Too many connections","data":{"code":"too_many_connections"}}');
        // Another namespace of the same connection is no other connection.
        all[0].send(`40/whiteboard,${JSON.stringify({ token: tokenFor('ada') })}`);
        assert.match(await all[0].nextPacket(), /^40\/whiteboard,/);
        all[0].destroy();
        await until(async () => {
          all[2].send(`40${JSON.stringify({ token: tokenFor('ada') })}`);
          return (await all[2].nextPacket()).startsWith('40');
        }, 'there is room again');
        for (const raw of all) raw.destroy();
      },
    },
  },
  {
    settings: { max_handshakes_per_second: 5 },
    cases: {
      async max_handshakes_per_second(server, n) {
        const answers = await Promise.all(Array.from({ length: 60 }, () => ask(server.port, handshake())));
        const refused = answers.filter((one) => one.status === 503);
        assert.equal(refused.length + answers.filter((one) => one.status === 200).length, 60);
        assert.ok(refused.length > 60 - 10 * n, `${refused.length}`);
        assert.match(refused[0].text, /retry-after: 1\r\n/);
        assert.match(refused[0].text, /\{"code":503,"message":"Too many handshakes at once"\}$/);
        assert.equal(await counter(server, 'sessions_refused_rate'), refused.length);
        await until(async () => (await ask(server.port, handshake())).status === 200, 'others get in later');
      },
    },
  },
  {
    example: true,
    settings: { 'content.max_text': 50, 'content.max_data': 50, 'presence.grace': 0 },
    cases: {
      async 'content.max_text'(server, n) {
        const raw = await guest(server.port, 'mallory', { greeting: true });
        const error = (await reply(raw, 'private_message', { to: 'ada', content: 'x'.repeat(n + 1) })).error;
        assert.match(error.message, new RegExp(`1 to ${n} bytes`));
        raw.destroy();
      },
      async 'content.max_data'(server, n) {
        const raw = await guest(server.port, 'mallory', { greeting: true, claims: { role: 'teacher' } });
        const error = (await reply(raw, 'live_session_event', { sessionId: '1', type: 'poll', data: { text: 'x'.repeat(n) } })).error;
        assert.match(error.message, new RegExp(`${n} bytes`));
        raw.destroy();
      },
    },
  },
  {
    files: DATABASE,
    settings: { database: 'sqlite:lectern.db', 'db.timeout': TIME, 'db.transaction_timeout': TIME, 'db.max_rows': 20, 'db.max_result_bytes': 20_000 },
    cases: {
      async 'db.timeout'(server, ms) {
        const raw = await guest(server.port, 'mallory');
        const began = Date.now();
        assert.equal((await reply(raw, 'sql', SLOW)).error.code, 'timeout');
        assert.ok(Date.now() - began >= ms);
        assert.deepEqual(await reply(raw, 'sql', 'SELECT 1 AS one'), [{ one: 1 }]);
        raw.destroy();
      },
      async 'db.transaction_timeout'(server, ms) {
        const raw = await guest(server.port, 'mallory');
        raw.send('42["hold"]');
        const began = Date.now();
        assert.deepEqual(await reply(raw, 'sql', 'INSERT INTO things VALUES (NULL)'), []);
        assert.ok(Date.now() - began >= ms - 200, 'it waited for the transaction');
        raw.destroy();
      },
      async 'db.max_rows'(server, n) {
        const raw = await guest(server.port, 'mallory');
        const numbers = (count) => reply(raw, 'sql', `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${count}) SELECT i FROM n`);
        assert.equal((await numbers(n)).length, n);
        assert.equal((await numbers(n + 1)).error.code, 'too_big');
        raw.destroy();
      },
      async 'db.max_result_bytes'(server, n) {
        const raw = await guest(server.port, 'mallory');
        assert.equal((await reply(raw, 'sql', `SELECT hex(zeroblob(${n / 4})) AS x`))[0].x.length, n / 2);
        assert.equal((await reply(raw, 'sql', `SELECT hex(zeroblob(${n / 2})) AS x`)).error.code, 'too_big');
        raw.destroy();
      },
    },
  },
  {
    files: DATABASE,
    settings: { database: 'sqlite:lectern.db', 'db.timeout': TIME, 'db.max_calls': 5, 'db.max_queued_bytes': 30_000 },
    cases: {
      async 'db.max_calls'(server, n) {
        const raw = await guest(server.port, 'mallory');
        await reply(raw, 'slow', n);
        assert.equal((await reply(raw, 'sql', 'SELECT 1 AS one')).error.code, 'busy');
        await until(async () => (await reply(raw, 'sql', 'SELECT 1 AS one'))[0]?.one === 1, 'there is room again');
        raw.destroy();
      },
      async 'db.max_queued_bytes'(server, n) {
        const raw = await guest(server.port, 'mallory');
        assert.equal((await reply(raw, 'sql', 'SELECT $1 AS x', 'x'.repeat(n))).error.code, 'busy');
        raw.destroy();
      },
    },
  },
  {
    files: DATABASE,
    keeps: 1_500_000, // the database's pages
    settings: { database: 'sqlite:lectern.db', 'db.max_bytes': 1_000_000 },
    cases: {
      async 'db.max_bytes'(server, n) {
        const raw = await guest(server.port, 'mallory');
        const add = () => reply(raw, 'sql', 'INSERT INTO things VALUES (zeroblob(100000))');
        let count = 0;
        let answer;
        while (!(answer = await add()).error) assert.ok(++count < n / 100_000);
        assert.equal(answer.error.code, 'full');
        assert.deepEqual(await reply(raw, 'sql', 'SELECT count(*) AS n FROM things'), [{ n: count }]);
        await reply(raw, 'sql', 'DELETE FROM things');
        assert.deepEqual(await add(), []);
        raw.destroy();
      },
    },
  },
];

// Limits that have a test of their own elsewhere, which sets them.
const ELSEWHERE = {
  'api.max_bytes': 'api.test.mjs',
  'api.max_values': 'api.test.mjs',
  'api.max_calls': 'api.test.mjs',
  'api.max_kept': 'idempotency.test.mjs',
  'api.timeout': 'api.test.mjs',
  drain_timeout: 'chaos.test.mjs',
  'http.client_timeout': 'jwks_url.test.mjs',
  'http.client_max_bytes': 'http_request.test.mjs',
  'http.client_max_requests': 'http_request.test.mjs',
  'recovery.max_bytes': 'recovery.test.mjs',
  'recovery.max_dynamic_bytes': 'namespaces.test.mjs',
  'typing.timeout': 'elearning.test.mjs',
  'db.timeout': 'database.test.mjs',
  'db.transaction_timeout': 'database.test.mjs',
  'db.max_calls': 'database.test.mjs',
  'db.max_queued_bytes': 'database.test.mjs',
  'db.max_rows': 'database.test.mjs',
  'db.max_result_bytes': 'database.test.mjs',
  'db.max_bytes': 'database.test.mjs',
};

for (const group of GROUPS) {
  const { settings, cases, example = false, keeps = 300_000 } = group; // scratch buffers keep 64 KiB each
  describe(`limits: ${Object.keys(cases).join(', ')}`, { concurrency: 6 }, () => {
    let room;
    let first;
    after(async () => {
      try {
        const grown = heapOf(await assertSettled(room.server, first)) - heapOf(first);
        assert.ok(grown < keeps, `the heap grew by ${grown} bytes`);
      } finally {
        await room.server.stop();
      }
    });
    room = useServer({ args: flags({ ...BRIEF, ...settings }), example, handlers: ['probe', 'whiteboard'], files: { ...files, ...group.files } });
    before(async () => {
      const bare = await status(room.server);
      (await guest(room.server.port, 'first')).destroy(); // tables and buffers that stay are made …
      const { url, post } = await poller(room.server, 'first');
      await post(`420["echo","${'x'.repeat(2000)}"]`);
      await (await fetch(url)).text(); // … the compressor's too
      await post('1');
      first = await assertSettled(room.server, bare);
    });
    for (const [setting, run] of Object.entries(cases)) {
      it(setting, () => run(room.server, settings[setting], settings));
    }
  });
}

describe('the limits by default', () => {
  const room = useServer({ example: false });

  it('let pass what a client saved up while it was offline', async () => {
    const ada = room.client('ada');
    const answers = Array.from({ length: 500 }, (_, i) => ada.ask('echo', `${i} ${'x'.repeat(1000)}`));
    assert.equal((await Promise.all(answers)).filter((one, i) => one.startsWith(`${i} x`)).length, 500);
  });

  it('let a class of one address in at once', async () => {
    const crowd = await Promise.all(Array.from({ length: 100 }, (_, i) => guest(room.server.port, `person ${i}`)));
    for (const raw of crowd) raw.destroy();
  });
});

it('every limit has a case', async () => {
  const { stdout } = await lectern(['help', 'settings']);
  const names = [...stdout.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1]);
  const limits = names.filter((name) => /max_|_timeout$|\.timeout$|^limits\./.test(name));
  assert.ok(limits.length > 30);
  const here = GROUPS.flatMap(({ cases }) => Object.keys(cases));
  assert.deepEqual(limits.filter((name) => !here.includes(name) && !(name in ELSEWHERE)), []);
  for (const [name, file] of Object.entries(ELSEWHERE)) {
    assert.ok(names.includes(name), name);
    assert.ok(readFileSync(new URL(file, import.meta.url), 'utf8').includes(flags({ [name]: 1 })[0]), `${file} sets ${name}`);
  }
});
