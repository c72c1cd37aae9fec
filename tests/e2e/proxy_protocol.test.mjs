// The PROXY protocol, both versions, byte for byte: what a trusted proxy says of its client counts, what is no such
// header is refused, and nobody else may speak it.
import assert from 'node:assert/strict';
import net from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { Tcp } from './support/hostile.mjs';
import { RawWebSocket } from './support/raw.mjs';
import { useServer } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { sleep } from './support/wait.mjs';

const files = { 'handlers/address.lua': 'return { on_address = function(socket) return socket.handshake.address end }' };
const HEADER_TIMEOUT = 1500;
const GET = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

// A header of version 2: command 1 is PROXY, 0 LOCAL; family 0x11 is TCP over IPv4, 0x21 over IPv6.
const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
function v2(command, family, addresses, { version = 2, length = addresses.length } = {}) {
  const head = Buffer.alloc(16);
  head.write(SIGNATURE, 'latin1');
  head[12] = (version << 4) | command;
  head[13] = family;
  head.writeUInt16BE(length, 14);
  return Buffer.concat([head, Buffer.from(addresses)]);
}
const IPV4 = [203, 0, 113, 7, 127, 0, 0, 1, 0xdc, 0x04, 0x0b, 0xb9];
const IPV6 = [0x20, 1, 0x0d, 0xb8, ...Array(11).fill(0), 7, ...Array(15).fill(0), 1, 0xdc, 0x04, 0x0b, 0xb9];
const TLV = [0x04, 0, 3, 1, 2, 3]; // NOOP, of three bytes

const told = {
  'TCP4': ['PROXY TCP4 203.0.113.7 127.0.0.1 56324 3001\r\n', '203.0.113.7'],
  'TCP6': ['PROXY TCP6 2001:db8::7 ::1 56324 3001\r\n', '2001:db8::7'],
  'UNKNOWN': ['PROXY UNKNOWN\r\n', '127.0.0.1'],
  'UNKNOWN with addresses': ['PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n', '127.0.0.1'],
  'the longest line': [`PROXY UNKNOWN ${'f'.repeat(107 - 16)}\r\n`, '127.0.0.1'],
  'version 2, IPv4': [v2(1, 0x11, IPV4), '203.0.113.7'],
  'version 2, IPv6': [v2(1, 0x21, IPV6), '2001:db8::7'],
  'version 2, more behind the addresses': [v2(1, 0x11, [...IPV4, ...TLV]), '203.0.113.7'],
  'version 2, LOCAL': [v2(0, 0x00, []), '127.0.0.1'],
  'version 2, LOCAL with addresses': [v2(0, 0x11, IPV4), '127.0.0.1'],
};

const refused = {
  'none': '',
  'an empty line before it': '\r\nPROXY TCP4 203.0.113.7 127.0.0.1 56324 3001\r\n',
  'a space before it': ' PROXY TCP4 203.0.113.7 127.0.0.1 56324 3001\r\n',
  'lower case': 'proxy tcp4 203.0.113.7 127.0.0.1 56324 3001\r\n',
  'another protocol': 'PROXY TCP5 203.0.113.7 127.0.0.1 56324 3001\r\n',
  'no address': 'PROXY TCP4\r\n',
  'a name as address': 'PROXY TCP4 localhost 127.0.0.1 56324 3001\r\n',
  'an address of the other family': 'PROXY TCP4 ::1 ::1 56324 3001\r\n',
  'an address with a zero in front': 'PROXY TCP4 203.0.113.07 127.0.0.1 56324 3001\r\n',
  'two spaces': 'PROXY TCP4  203.0.113.7 127.0.0.1 56324 3001\r\n',
  'no ports': 'PROXY TCP4 203.0.113.7 127.0.0.1\r\n',
  'a port too high': 'PROXY TCP4 203.0.113.7 127.0.0.1 65536 3001\r\n',
  'more behind the ports': 'PROXY TCP4 203.0.113.7 127.0.0.1 56324 3001 x\r\n',
  'LF alone': 'PROXY TCP4 203.0.113.7 127.0.0.1 56324 3001\n',
  'a line longer than 107 bytes': `PROXY UNKNOWN ${'f'.repeat(107 - 15)}\r\n`,
  'a line without end': `PROXY UNKNOWN ${'f'.repeat(300)}`,
  'two of them': 'PROXY UNKNOWN\r\nPROXY UNKNOWN\r\n',
  'version 2, another version': v2(1, 0x11, IPV4, { version: 3 }),
  'version 2, another command': v2(2, 0x11, IPV4),
  'version 2, too short for its addresses': v2(1, 0x11, IPV4.slice(0, 11)),
  'version 2, a wrong signature': Buffer.from(`${SIGNATURE.slice(0, -1)}\r\x21\x11\0\0`, 'latin1'),
  'version 2, two of them': Buffer.concat([v2(0, 0, []), v2(0, 0, [])]),
};

describe('PROXY protocol from a trusted proxy', () => {
  const args = ['--trusted-proxies', '127.0.0.1', '--proxy-protocol', 'true', '--header-timeout', `${HEADER_TIMEOUT}`];
  const room = useServer({ example: false, files, args });
  const open = [];
  afterEach(() => open.splice(0).forEach((one) => one.destroy()));

  // What socket.handshake.address is of a client behind these first bytes.
  async function address(first, headers, options) {
    const raw = await RawWebSocket.open(room.server.port, undefined, headers, { first, ...options });
    open.push(raw);
    await raw.joinNamespace({ token: tokenFor('ada') });
    raw.send('420["address"]');
    return JSON.parse((await raw.nextPacket()).slice(3))[0];
  }

  for (const [what, [first, expected]] of Object.entries(told)) {
    it(`tells the address: ${what}`, async () => assert.equal(await address(first), expected));
  }

  it('may come byte by byte', async () => {
    for (const first of [told.TCP4[0], told['version 2, IPv6'][0]]) {
      const tcp = await Tcp.open(room.server.port);
      tcp.socket.setNoDelay(true);
      for (const byte of Buffer.from(first)) {
        tcp.write(Buffer.of(byte));
        await sleep(2);
      }
      tcp.write(GET);
      assert.equal(await tcp.status(), 200);
      tcp.destroy();
    }
  });

  it('may come in one piece with the request, and counts for all requests of the connection', async () => {
    const tcp = await Tcp.open(room.server.port);
    tcp.write(`PROXY UNKNOWN\r\n${GET.replace('close', 'keep-alive')}${GET}`);
    await tcp.ends();
    assert.equal(tcp.text.match(/HTTP\/1\.1 200 /g)?.length, 2);
  });

  it('outdoes X-Forwarded-For, which the client may have written', async () => {
    assert.equal(await address(told.TCP4[0], { 'X-Forwarded-For': '6.6.6.6' }), '203.0.113.7');
  });

  for (const [what, first] of Object.entries(refused)) {
    it(`is refused: ${what}`, async () => {
      const tcp = await Tcp.open(room.server.port);
      tcp.write(Buffer.concat([Buffer.from(first), Buffer.from(GET)]));
      await tcp.ends();
      assert.doesNotMatch(tcp.text, /^HTTP\/1\.1 2/m);
    });
  }

  it('is awaited no longer than headers are', async () => {
    const waits = ['', told.TCP4[0].slice(0, 20), told['version 2, IPv4'][0].subarray(0, 20)].map(async (first) => {
      const tcp = await Tcp.open(room.server.port);
      tcp.write(first);
      assert.ok((await tcp.ends()) > HEADER_TIMEOUT - 20);
    });
    await Promise.all(waits);
  });

  it('others need none, and their address is their own', async () => {
    assert.equal(await address(undefined, {}, { localAddress: '127.0.0.2' }), '127.0.0.2');
  });

  for (const what of ['TCP4', 'UNKNOWN', 'version 2, IPv4', 'version 2, LOCAL']) {
    it(`others may not speak it: ${what}`, async () => {
      const tcp = await Tcp.open(room.server.port, { localAddress: '127.0.0.2' });
      tcp.write(Buffer.concat([Buffer.from(told[what][0]), Buffer.from(GET)]));
      await tcp.ends();
      assert.match(tcp.text, /^HTTP\/1\.1 400 |^$/);
    });
  }
});

describe('PROXY protocol that is off', () => {
  const room = useServer({ example: false, files, args: ['--trusted-proxies', '127.0.0.1'] });

  for (const what of ['TCP4', 'version 2, IPv4']) {
    it(`is refused, of a trusted proxy too: ${what}`, async () => {
      const tcp = await Tcp.open(room.server.port);
      tcp.write(Buffer.concat([Buffer.from(told[what][0]), Buffer.from(GET)]));
      await tcp.ends();
      assert.match(tcp.text, /^HTTP\/1\.1 400 |^$/);
    });
  }
});
