// TLS: what is offered, certificates that change under connections, and those of clients.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { Authority } from './support/certificates.mjs';
import { Person } from './support/person.mjs';
import { lectern, Server } from './support/process.mjs';
import { Scripts } from './support/scripts.mjs';
import { upgraded, WAYS } from './support/suite.mjs';
import { SECRET } from './support/tokens.mjs';

const ca = new Authority('the tests');
const other = new Authority('somebody else');
after(() => [ca, other].forEach((one) => one.remove()));

// A server with TLS for a describe block.
function useTls(args = [], files = {}) {
  const room = { people: new Set() };
  before(async () => {
    room.scripts = new Scripts({ example: false, files });
    room.write(ca.issue('first'));
    room.server = await Server.start({ dir: room.scripts.dir, args: ['--tls-cert', 'cert.pem', '--tls-key', 'key.pem', ...args] });
    room.url = room.server.url.replace('http:', 'https:');
  });
  afterEach(() => {
    for (const person of room.people) person.close();
    room.people.clear();
  });
  after(async () => {
    await room.server?.stop();
    room.scripts?.remove();
  });
  room.write = ({ cert, key }) => {
    if (cert !== undefined) room.scripts.write('cert.pem', cert);
    if (key !== undefined) room.scripts.write('key.pem', key);
  };
  room.client = (id, options) => {
    const person = new Person({ url: room.url }, id, { ca: ca.pem, ...options });
    room.people.add(person);
    return person;
  };
  room.join = async (id, options) => {
    const person = room.client(id, options);
    await person.admitted();
    return person;
  };
  // A handshake: { protocol, cipher, peer }; throws what went wrong.
  room.shake = async (options = {}) => {
    const socket = tls.connect({ port: room.server.port, host: '127.0.0.1', ca: ca.pem, ...options });
    try {
      await once(socket, 'secureConnect');
      const peer = socket.getPeerCertificate(true);
      const result = { protocol: socket.getProtocol(), cipher: socket.getCipher().name, key: socket.getEphemeralKeyInfo(), peer, resumed: socket.isSessionReused() };
      // In TLS 1.3 a client learns only with the first bytes that its certificate was refused.
      socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
      const [data] = await once(socket, 'data');
      assert.match(data.toString(), /^HTTP\/1\.1 200/);
      return { ...result, session: socket.getSession() };
    } finally {
      socket.destroy();
    }
  };
  room.shown = async () => (await room.shake()).peer.subject.CN;
  return room;
}

describe('TLS', () => {
  const room = useTls();

  it('speaks 1.2 and 1.3, and nothing older', async () => {
    assert.equal((await room.shake()).protocol, 'TLSv1.3');
    assert.equal((await room.shake({ maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2');
    for (const version of ['TLSv1.1', 'TLSv1']) {
      await assert.rejects(room.shake({ minVersion: version, maxVersion: version, ciphers: 'ALL@SECLEVEL=0' }));
    }
  });

  it('has forward secrecy and authenticated encryption only', async () => {
    for (const cipher of ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305']) {
      assert.equal((await room.shake({ maxVersion: 'TLSv1.2', ciphers: cipher })).cipher, cipher);
    }
    for (const cipher of ['ECDHE-ECDSA-AES128-SHA256', 'ECDHE-ECDSA-AES128-SHA', 'AES128-GCM-SHA256', 'DHE-RSA-AES128-GCM-SHA256']) {
      await assert.rejects(room.shake({ maxVersion: 'TLSv1.2', ciphers: `${cipher}@SECLEVEL=0` }), cipher);
    }
    assert.equal((await room.shake({ ecdhCurve: 'X25519' })).key.name, 'X25519');
  });

  it('resumes sessions', async () => {
    const { session } = await room.shake({ maxVersion: 'TLSv1.2' });
    assert.equal((await room.shake({ maxVersion: 'TLSv1.2', session })).resumed, true);
  });

  for (const { way, options } of WAYS) {
    it(`changes certificates under connections (${way})`, async () => {
      const ada = await room.join('ada', options);
      if (options.transports.length === 2) await upgraded(ada);
      const names = [['second', { kind: 'rsa' }], ['third', { chain: true }], ['fourth', {}]];
      for (const [name, kind] of names) {
        room.write(ca.issue(name, kind));
        const { code, stdout, stderr } = await room.server.reload();
        assert.equal(code, 0, stderr);
        assert.match(stdout, new RegExp(`certificate of CN=${name}, good until \\d{4}-\\d\\d-\\d\\d`));
        const { peer } = await room.shake();
        assert.equal(peer.subject.CN, name);
        assert.equal(peer.issuerCertificate.subject.CN, kind.chain ? 'between' : 'the tests');
        // Nothing of an earlier certificate is left for clients that would rather have its kind.
        const rsaOnly = room.shake({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' });
        if (kind.kind === 'rsa') assert.equal((await rsaOnly).peer.subject.CN, name);
        else await assert.rejects(rsaOnly);
        await ada.settle();
        await (await room.join('bob', options)).settle();
      }
      assert.deepEqual(ada.heard('disconnect'), []);
    });
  }

  it('takes SIGHUP as well', async () => {
    room.write(ca.issue('sighup'));
    const from = room.server.log.length;
    room.server.signal('SIGHUP');
    await room.server.logged(/reload: certificate of CN=sighup/, 5000, from);
    assert.equal(await room.shown(), 'sighup');
  });

  for (const [what, files, message] of [
    ['a key of another certificate', () => ({ key: ca.issue('x').key }), /tls\.key: \S+key\.pem: is not the key of the certificate/],
    ['a key of another kind', () => ({ key: ca.issue('x', { kind: 'rsa' }).key }), /tls\.key: \S+key\.pem: is not the key of the certificate/],
    ['no certificate', () => ({ cert: 'hello' }), /tls\.cert: \S+cert\.pem: no start line/],
    ['half a certificate', () => ({ cert: ca.issue('x').cert.slice(0, 300) }), /tls\.cert: \S+cert\.pem: /],
    ['a key with a password', () => ca.issue('x', { password: 'secret' }), /tls\.key: \S+key\.pem: has a password/],
    ['a weak key', () => ca.issue('x', { kind: 'rsa-1024' }), /tls\.cert: \S+cert\.pem: ee key too small/],
  ]) {
    it(`keeps the old one when it gets ${what}`, async () => {
      room.write(ca.issue('good'));
      assert.equal((await room.server.reload()).code, 0);
      const ada = await room.join('ada');
      room.write(files());
      const from = room.server.log.length;
      const { code, stderr } = await room.server.reload();
      assert.equal(code, 1);
      assert.match(stderr, message);
      assert.match(stderr, /the certificate of before goes on serving/);
      assert.match(stderr, /handlers loaded/);
      await room.server.logged(message, 5000, from);
      assert.equal(await room.shown(), 'good');
      await ada.settle();
    });
  }

  it('does not start with a bad one', async () => {
    const scripts = new Scripts({ example: false, files: { 'cert.pem': ca.issue('x').cert } });
    const start = (...args) => lectern(['serve', scripts.dir, '--port', '0', '--tls-cert', 'cert.pem', ...args], { env: { JWT_SECRET: SECRET } });
    try {
      const { code, stderr } = await start('--tls-key', 'nowhere.pem');
      assert.equal(code, 2);
      assert.match(stderr, /tls\.key: \S+nowhere\.pem: No such file or directory/);
      assert.match((await start()).stderr, /tls\.cert and tls\.key belong together/);
    } finally {
      scripts.remove();
    }
  });
});

describe('certificates of clients', () => {
  const room = useTls(['--tls-client-ca', 'clients.pem'], { 'clients.pem': ca.pem });
  const mine = ca.issue('ada');
  const foreign = other.issue('eve');

  for (const { way, options } of WAYS) {
    it(`are needed (${way})`, async () => {
      const ada = await room.join('ada', { ...options, ...mine });
      await ada.settle();
      for (const credentials of [{}, foreign]) {
        const eve = room.client('eve', { ...options, ...credentials });
        await eve.hear('connect_error');
      }
      await ada.settle();
    });
  }

  for (const { way, options } of WAYS) {
    it(`are shown to handlers (${way})`, async () => {
      const { X509Certificate } = await import('node:crypto');
      const shown = ca.issue('Ada Löwe, of the school');
      const cert = new X509Certificate(shown.cert);
      const ada = await room.join('ada', { ...options, ...shown });
      if (options.transports.length === 2) await upgraded(ada);
      const { certificate } = await ada.ask('handshake');
      assert.deepEqual(certificate, {
        subject: 'CN=Ada Löwe\\, of the school',
        issuer: 'CN=the tests',
        serial: cert.serialNumber,
        fingerprint: cert.fingerprint256,
        san: ['DNS:localhost', 'IP:127.0.0.1'],
      });
    });
  }

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
    it(`are looked at anew when the authority changes (${maxVersion})`, async () => {
      const { session } = await room.shake({ ...mine, maxVersion });
      await assert.rejects(room.shake({ ...foreign, maxVersion }));
      room.scripts.write('clients.pem', other.pem);
      assert.equal((await room.server.reload()).code, 0);
      await room.shake({ ...foreign, maxVersion });
      await assert.rejects(room.shake({ ...mine, maxVersion, session }));
      room.scripts.write('clients.pem', 'nothing');
      const { code, stderr } = await room.server.reload();
      assert.equal(code, 1);
      assert.match(stderr, /tls\.client_ca: \S+clients\.pem: /);
      await room.shake({ ...foreign, maxVersion });
      room.scripts.write('clients.pem', ca.pem);
      assert.equal((await room.server.reload()).code, 0);
      await room.shake({ ...mine, maxVersion });
    });
  }
});
