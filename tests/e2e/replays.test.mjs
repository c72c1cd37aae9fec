// Socket.IO clients of other languages that do not run here: their bytes, replayed on raw sockets, through a handshake,
// polls and posts, and the upgrade.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { accept, frame, Raw, text } from './net_help.mjs';
import { GOOGOLLEE, REPLAYS } from './support/replays.mjs';
import { useServer } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';

const files = {
  'handlers/replay.lua': `
    local lectern = require "lectern"
    return {
      on_echo = function(_, value) return value end,
      on_bytes = function(_, data) return { list = { tostring(data):byte(1, -1) }, made = lectern.binary("\\0\\1\\254\\255") } end,
    }`,
};
const MADE = Buffer.from([0, 1, 254, 255]);
const BYTES = Buffer.from(Array.from({ length: 200 }, (_, i) => i)); // of several lines of 76 characters
const EVENT = '451-1["bytes",{"_placeholder":true,"num":0}]';
const ANSWER = `461-1[{"list":[${[...BYTES]}],"made":{"_placeholder":true,"num":0}}]`;

// The answer's fields may come in any order.
function assertAnswer(packet) {
  const [head, json] = [packet.slice(0, 5), packet.slice(5)];
  assert.equal(head, ANSWER.slice(0, 5));
  assert.deepEqual(JSON.parse(json), JSON.parse(ANSWER.slice(5)));
}

describe('a replayed client', () => {
  const room = useServer({ example: false, handlers: [], files, args: ['--allow-eio3', 'true', '--frontend-url', 'file://'] });
  const open = [];
  afterEach(() => open.splice(0).forEach((one) => one.destroy()));
  const connect = async () => {
    const raw = await Raw.connect(room.server);
    open.push(raw);
    return raw;
  };
  const host = () => `127.0.0.1:${room.server.port}`;
  const ask = async (connection, bytes) => {
    connection.write(bytes);
    const { status, headers, body } = await connection.response();
    assert.equal(status, 200, String(body));
    assert.equal(headers['transfer-encoding'], undefined); // some cannot read it
    return body.toString();
  };
  const connectPacket = () => `40${JSON.stringify({ token: tokenFor('ada') })}`;

  // A session: where it polls, where it posts, and what its requests need.
  async function handshake(client) {
    const [polling, posting] = [await connect(), await connect()];
    const body = await ask(polling, client.handshake({ host: host() }));
    assert.match(body, /^0\{/);
    const { sid, upgrades } = JSON.parse(body.slice(1));
    assert.deepEqual(upgrades, ['websocket']);
    const session = { host: host(), sid };
    return { polling, session, post: (packets) => ask(posting, client.post(session, packets)), poll: () => ask(polling, client.poll(session)) };
  }

  async function joined(client) {
    const session = await handshake(client);
    assert.equal(await session.post(connectPacket()), 'ok');
    assert.match(await session.poll(), /^40\{"sid":"[\w-]{20}"\}$/);
    return session;
  }

  // The upgrade on that connection: the answer is as its reader wants it.
  async function upgrade(client, connection, session) {
    connection.write(client.websocket(session));
    await connection.until(() => connection.data.includes('\r\n\r\n'), 3000, 'handshake');
    const end = connection.data.indexOf('\r\n\r\n');
    const [first, ...lines] = connection.data.subarray(0, end).toString().split('\r\n');
    connection.data = connection.data.subarray(end + 4);
    assert.match(first, /^HTTP\/1\.1 101 /);
    const headers = Object.fromEntries(lines.map((line) => [line.split(':')[0].toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
    assert.equal(headers.upgrade.toLowerCase(), 'websocket');
    assert.equal(headers.connection.toLowerCase(), 'upgrade');
    assert.equal(headers['sec-websocket-accept'], accept);
    return headers;
  }

  for (const [name, client] of Object.entries(REPLAYS)) {
    if (client.post) {
      it(`${name}: polls and posts`, async () => {
        const { post, poll } = await joined(client);
        assert.equal(await post('420["echo","ÄÖÜ € 👩‍🏫"]\x1e421["echo",[1,{"a":null}]]'), 'ok');
        assert.equal(await poll(), '430["ÄÖÜ € 👩‍🏫"]\x1e431[[1,{"a":null}]]');
      });

      it(`${name}: posts attachments in its base64`, async () => {
        const { post, poll } = await joined(client);
        assert.equal(await post(`${EVENT}\x1eb${client.base64(BYTES)}`), 'ok');
        const [answer, attachment] = (await poll()).split('\x1e');
        assertAnswer(answer);
        assert.equal(attachment, `b${MADE.toString('base64')}`);
      });
    }

    it(`${name}: upgrades, and sends attachments as they are`, async () => {
      const { polling, session, post, poll } = client.post ? await joined(client) : await handshake(client);
      const ws = client.post ? await connect() : polling;
      const headers = await upgrade(client, ws, session);
      if (client.post) assert.equal(headers['sec-websocket-protocol'], undefined);
      if (client.probes) {
        const last = poll();
        ws.write(text('2probe'));
        assert.equal(await ws.text(), '3probe');
        if (client.extra) assert.equal(await post(client.extra), 'ok');
        assert.equal(await last, '6');
      }
      ws.write(text('5'));
      if (!client.post) {
        ws.write(text(connectPacket()));
        assert.match(await ws.text(), /^40\{"sid":"[\w-]{20}"\}$/);
      }
      ws.write(text('427["echo","on WebSocket"]'));
      assert.equal(await ws.text(), '437["on WebSocket"]');
      ws.write(text(EVENT));
      ws.write(frame(2, BYTES));
      assertAnswer(await ws.text());
      const attachment = await ws.frame();
      assert.equal(attachment.opcode, 2);
      assert.deepEqual(attachment.payload, MADE);
    });
  }

  it('Go (googollee), which speaks Engine.IO 3: gets its session', async () => {
    const body = await ask(await connect(), GOOGOLLEE({ host: host() }));
    assert.match(body, /^\d+:0\{"sid":"[\w-]{20}"/);
  });
});
