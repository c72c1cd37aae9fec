// The same port behind each reverse proxy: both transports, the upgrade, and whose address a client has.
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { Apache } from './support/apache.mjs';
import { Authority } from './support/certificates.mjs';
import { Haproxy } from './support/haproxy.mjs';
import { curl } from './support/http.mjs';
import { Nginx } from './support/nginx.mjs';
import { Person } from './support/person.mjs';
import { upgraded, useServer, WAYS } from './support/suite.mjs';
import { until } from './support/wait.mjs';

// 127/8 is all ours: clients come from addresses that the proxy has not.
const from = (localAddress, options = {}) => ({ agent: new Agent({ keepAlive: true, localAddress }), ...options });
const address = {
  'handlers/zz_address.lua': `return {
    on_address = function(socket) return socket.handshake.address end,
    on_secure = function(socket) return socket.handshake.secure end,
  }`,
};

// `proxied`: further options of the proxy; `authority`: whose certificate it has.
function useProxy(Proxy, { authority, proxied = {}, ...options } = {}) {
  const room = useServer({ example: false, files: address, ...options });
  const people = [];
  let proxy;
  before(async () => (proxy = await Proxy.start({ ...authority?.issue('proxy'), ...proxied }, room.server.port)));
  after(async () => {
    for (const person of people) person.close();
    await proxy?.stop();
  });
  room.joinByProxy = async (id, options) => {
    const person = new Person({ url: proxy.url }, id, { ca: authority?.pem, ...options });
    people.push(person);
    await person.admitted();
    return person;
  };
  room.proxyUrl = () => proxy.url;
  return room;
}

const PROXIES = [Nginx, Haproxy, Apache];
const ARGS = ['--trusted-proxies', '127.0.0.1', '--ping-interval', '300'];

// What works behind each proxy, however it tells the client's address. `plain`: the server has no TLS.
function passes(room, { plain = true } = {}) {
  for (const { way, options } of WAYS) {
    it(`serves clients (${way})`, async () => {
      const ada = await room.joinByProxy('ada', from('127.0.0.2', options));
      const bob = await room.joinByProxy('bob', from('127.0.0.3', options));
      for (const person of [ada, bob]) await person.ask('enter', way);
      if (options.transports.length === 2) await Promise.all([upgraded(ada), upgraded(bob)]);
      assert.equal(ada.transport, options.transports.at(-1));
      await ada.ask('flood', { room: way, n: 200, size: 2000 });
      await bob.settle();
      assert.equal(bob.heard('flood').length, 200);
      const bytes = Buffer.alloc(300_000, 7);
      assert.deepEqual(await ada.ask('echo', bytes), bytes);
      let pings = 0;
      bob.socket.io.on('ping', () => pings++);
      await until(() => pings >= 2 || !bob.socket.connected, 'two heartbeats');
      await bob.settle();
      assert.deepEqual([...ada.heard('disconnect'), ...bob.heard('disconnect')], []);
    });

    it(`knows the client's address (${way})`, async () => {
      const people = [];
      for (const host of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) people.push([host, await room.joinByProxy('x', from(host, options))]);
      for (const [host, person] of people) assert.equal(await person.ask('address'), host);
    });

    it(`does not believe what the client says of it (${way})`, async () => {
      const extraHeaders = { 'X-Forwarded-For': '6.6.6.6, 127.0.0.1' };
      const ada = await room.joinByProxy('ada', from('127.0.0.2', { ...options, extraHeaders }));
      assert.equal(await ada.ask('address'), '127.0.0.2');
      if (!plain) return;
      const bob = await room.join('bob', from('127.0.0.2', { ...options, extraHeaders }));
      assert.equal(await bob.ask('address'), '127.0.0.2', 'without a proxy in between');
    });
  }

  it('lets pages of its own origin connect', async () => {
    const ada = await room.joinByProxy('ada', { transports: ['websocket'], extraHeaders: { Origin: room.proxyUrl() } });
    await ada.settle();
  });
}

for (const Proxy of PROXIES) {
  describe(`behind ${Proxy.name}`, () => {
    const room = useProxy(Proxy, { args: ARGS });
    passes(room);

    it('knows that the client does not use TLS, whatever it says', async () => {
      for (const { options } of WAYS) {
        const ada = await room.joinByProxy('ada', from('127.0.0.2', { ...options, extraHeaders: { 'X-Forwarded-Proto': 'https' } }));
        assert.equal(await ada.ask('secure'), false);
      }
    });
  });
}

for (const send of ['send-proxy', 'send-proxy-v2']) {
  const args = [...ARGS, '--proxy-protocol', 'true'];

  describe(`behind Haproxy with ${send}`, () => passes(useProxy(Haproxy, { args, proxied: { send } })));

  describe(`behind Haproxy with ${send}, to a server with TLS`, () => {
    const authority = new Authority('the tests');
    after(() => authority.remove());
    const { cert, key } = authority.issue('server');
    const files = { ...address, 'cert.pem': cert, 'key.pem': key };
    const tls = ['--tls-cert', 'cert.pem', '--tls-key', 'key.pem'];
    passes(useProxy(Haproxy, { args: [...args, ...tls], files, proxied: { send, secure: true } }), { plain: false });
  });
}

for (const Proxy of PROXIES) {
  describe(`behind ${Proxy.name} with TLS`, () => {
    const authority = new Authority('the tests');
    after(() => authority.remove());
    const room = useProxy(Proxy, { authority, args: ['--trusted-proxies', '127.0.0.1', '--cookie', 'io'] });

    for (const { way, options } of WAYS) {
      it(`knows that the client uses it (${way})`, async () => {
        const ada = await room.joinByProxy('ada', options);
        assert.equal(await ada.ask('secure'), true);
      });
    }

    it('marks its cookie Secure', async () => {
      const handshake = '/socket.io/?EIO=4&transport=polling';
      const cookie = String(await curl('--cacert', authority.file, '-D', '-', room.proxyUrl() + handshake)).match(/^set-cookie: (.*?)\r$/im)[1];
      assert.match(cookie, /^io=[\w-]{20}; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    });
  });
}

describe('behind Nginx that nobody told of', () => {
  const room = useProxy(Nginx);

  it('everybody has its address', async () => {
    const ada = await room.joinByProxy('ada', from('127.0.0.2'));
    assert.equal(await ada.ask('address'), '127.0.0.1');
  });

  it('nobody uses TLS', async () => {
    const ada = await room.joinByProxy('ada', { extraHeaders: { 'X-Forwarded-Proto': 'https' } });
    assert.equal(await ada.ask('secure'), false);
  });
});
