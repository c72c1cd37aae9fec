// What a hostile client may send (Socket.IO, part 2.6 of the protocol): each violation closes that
// client alone, at once; others never notice, and nothing leaks (the sanitizer build looks).
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertSettled, guest as bareGuest, heapOf, send, status } from './support/hostile.mjs';
import { RawWebSocket } from './support/raw.mjs';
import { useServer } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { within } from './support/wait.mjs';

const ATTACHMENTS_11 = `4511-["e",${Array.from({ length: 11 }, (_, num) => `{"_placeholder":true,"num":${num}}`).join(',')}]`;

// Packets as a client sends them after joining "/": text, or several with binary between.
const VIOLATIONS = {
  'an unknown type': ['4abc'],
  'a type beyond 6': ['47'],
  'an empty packet': ['4'],
  'an event without payload': ['42'],
  'an event that is an object': ['42{}'],
  'an event that is a string': ['42"x"'],
  'an empty event': ['42[]'],
  'an event whose name is null': ['42[null]'],
  'an event whose name is an object': ['42[{}]'],
  'a reserved event: connect': ['42["connect"]'],
  'a reserved event: connect_error': ['42["connect_error"]'],
  'a reserved event: disconnect': ['42["disconnect"]'],
  'a reserved event: disconnecting': ['42["disconnecting"]'],
  'a reserved event: newListener': ['42["newListener"]'],
  'a reserved event: removeListener': ['42["removeListener"]'],
  'letters for an ack id': ['42abc["x"]'],
  'a fraction for an ack id': ['421.5["x"]'],
  'a negative ack id': ['42-1["x"]'],
  'broken JSON': ['42["x"'],
  'JSON with something behind it': ['42["x"]]'],
  'JSON with a trailing comma': ['42["x",]'],
  'a number with a leading zero': ['42["x",01]'],
  'a string with a raw control character': ['42["x\u0001"]'],
  'a lone escape': ['42["x\\u12"]'],
  'very deep JSON': [`42["x",${'['.repeat(20_000)}${']'.repeat(20_000)}]`],
  'deep JSON that is never closed': [`42["x",${'[{"a":'.repeat(10_000)}`],
  'an event for a namespace that it has not joined': ['42/admin,["x"]'],
  'an ack for a namespace that it has not joined': ['43/admin,1[]'],
  'a DISCONNECT for a namespace that it has not joined': ['41/admin,'],
  'a second CONNECT': ['40{}'],
  'a CONNECT with a list': ['40/a,[1]'],
  'a CONNECT with null': ['40/a,null'],
  'a CONNECT with text behind': ['40/a,{}x'],
  'a CONNECT_ERROR': ['44{"message":"no"}'],
  'an ack that is an object': ['431{}'],
  'a binary event of 0 attachments': ['450-["x"]'],
  'a binary event of 11 attachments': [ATTACHMENTS_11],
  'a binary event of very many attachments': ['4599999999999-["x"]'],
  'a binary event without a count': ['45["x"]'],
  'a binary event without its dash': ['451["x"]'],
  'binary out of place': [Buffer.from([1, 2, 3])],
  'text in place of an attachment': ['451-["e",{"_placeholder":true,"num":0}]', '42["x"]'],
  'a placeholder out of range': ['451-["e",{"_placeholder":true,"num":1}]', Buffer.from([1])],
  'a negative placeholder': ['451-["e",{"_placeholder":true,"num":-1}]', Buffer.from([1])],
  'a placeholder that is no number': ['451-["e",{"_placeholder":true,"num":"0"}]', Buffer.from([1])],
  'more binary than announced': ['451-["e",{"_placeholder":true,"num":0}]', Buffer.from([1]), Buffer.from([2])],
  'invalid UTF-8 in an event': [{ text: Buffer.from('42["\xc3\x28"]', 'latin1') }],
  'an overlong event name': [`42["${'e'.repeat(5000)}"]`],
};

const HARMLESS = {
  'an ack that nobody waits for': ['43999[1,2]'],
  'a numeric event name': ['42[1,2]'],
  'an event that nobody handles': ['42["nobody",{"a":1}]'],
  'a pong': ['3'],
  'a binary event that nobody handles': ['451-["nobody",{"_placeholder":true,"num":0}]', Buffer.from([1])],
  'an ack without an id': ['43[]'],
  'an ack id that nobody could say back': ['42999999999999999999999["echo",1]', '43999999999999999999999[1]'],
};

const guest = (port, id) => bareGuest(port, id, { greeting: true });

describe('hostile packets', () => {
  const room = useServer();

  for (const [what, packets] of Object.entries(VIOLATIONS)) {
    it(`${what}: closes that client only`, async () => {
      const bystander = await room.join('bystander');
      const raw = await guest(room.server.port, 'mallory');
      send(raw, packets);
      await within(5000, raw.closed, () => 'the connection stays open');
      await bystander.settle();
      assert.deepEqual(bystander.heard('disconnect'), []);
      assert.ok(room.server.alive);
    });
  }

  for (const [what, packets] of Object.entries(HARMLESS)) {
    it(`${what}: is ignored`, async () => {
      const raw = await guest(room.server.port, 'clumsy');
      send(raw, packets);
      raw.send('4277["echo","still here"]');
      assert.equal(await raw.nextPacket(), '4377["still here"]');
      raw.destroy();
    });
  }

  it('packets before CONNECT close it', async () => {
    for (const packets of [['42["echo",1]'], ['43"x"'], ['41/x,x'], [Buffer.from([1])]]) {
      const raw = await RawWebSocket.open(room.server.port);
      await raw.nextPacket();
      send(raw, packets);
      await within(5000, raw.closed, () => `${packets} leaves it open`);
    }
  });

  it('one that does not answer the close frame is cut off all the same', async () => {
    const raw = await guest(room.server.port, 'mallory');
    raw.polite = false;
    raw.send('4abc');
    await within(5000, raw.closed, () => 'it stays open');
  });

  it('half a binary event, then nothing, then the end', async () => {
    const raw = await guest(room.server.port, 'mallory');
    raw.send('453-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]');
    raw.send(Buffer.alloc(50_000));
    raw.destroy();
    await (await room.join('bystander')).settle();
  });

  it('a message that is too big: close code 1009', async () => {
    const raw = await guest(room.server.port, 'mallory');
    const head = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 1, 2, 3, 4]);
    raw.socket.write(head);
    for (let i = 0; i < 20 && !raw.socket.destroyed; i++) raw.socket.write(Buffer.alloc(65_536));
    await within(5000, raw.closed, () => 'it stays open');
    assert.ok(raw.closeCode === 1009 || raw.closeCode === undefined, `close code ${raw.closeCode}`);
    await (await room.join('bystander')).settle();
  });

  it('a hundred hostile clients at once', async () => {
    const bystander = await room.join('bystander');
    const all = Object.values(VIOLATIONS);
    await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const raw = await guest(room.server.port, `m${i}`);
        send(raw, all[i % all.length]);
        await within(10_000, raw.closed, () => 'it stays open');
      }),
    );
    await bystander.settle();
    assert.deepEqual(bystander.heard('disconnect'), []);
  });
});

describe('hostile clients', () => {
  const room = useServer({ args: ['--presence-grace', '0'] });

  it('leave nothing behind', async () => {
    const first = await status(room.server);
    const heaps = [];
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        Object.values(VIOLATIONS).map(async (packets, i) => {
          for (let n = 0; n < 3; n++) {
            const raw = await guest(room.server.port, `mallory ${i}`);
            send(raw, packets);
            await within(10_000, raw.closed, () => 'it stays open');
          }
        }),
      );
      heaps.push(heapOf(await assertSettled(room.server, first)));
    }
    // Tables have grown in the first rounds: less than 100 bytes for each client of the last.
    assert.ok(heaps[2] - heaps[1] < 100 * 3 * Object.keys(VIOLATIONS).length, `${heaps}`);
  });
});

describe('hostile packets by polling', () => {
  const room = useServer();
  const base = () => `${room.url}/socket.io/?EIO=4&transport=polling`;
  async function open() {
    const { sid } = JSON.parse((await (await fetch(base())).text()).slice(1));
    const url = `${base()}&sid=${sid}`;
    const post = (body) => fetch(url, { method: 'POST', body, headers: { 'content-type': 'text/plain;charset=UTF-8' } });
    const poll = async () => (await fetch(url)).text();
    await post(`40${JSON.stringify({ token: tokenFor('mallory') })}`);
    let got = '';
    while (!got.includes('"connected"')) got += await poll();
    return { post, poll, url };
  }

  for (const [what, packets] of Object.entries(VIOLATIONS)) {
    it(`${what}: ends the session`, async () => {
      const session = await open();
      const body = packets.map((p) => (p.text ? p.text : Buffer.isBuffer(p) ? `b${p.toString('base64')}` : p));
      await session.post(body.length === 1 ? body[0] : body.join('\x1e')).catch(() => {});
      let status = 200;
      for (let i = 0; i < 3 && status === 200; i++) {
        status = (await within(5000, fetch(session.url), () => 'the poll hangs')).status;
      }
      assert.equal(status, 400);
    });
  }
});
