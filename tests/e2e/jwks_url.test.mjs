// Keys by URL: a real key server that changes its keys, is slow, lies, or is not there.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Authority } from './support/certificates.mjs';
import { Origin } from './support/origin.mjs';
import { Person } from './support/person.mjs';
import { lectern, Server } from './support/process.mjs';
import { Scripts } from './support/scripts.mjs';
import { keysFor, tokenFor } from './support/tokens.mjs';
import { until } from './support/wait.mjs';

const ALGS = { one: 'ES256', two: 'EdDSA', three: 'ES384', four: 'RS256' };
const pairs = Object.fromEntries(Object.entries(ALGS).map(([kid, alg]) => [kid, keysFor(alg)]));
const jwk = (kid) => ({ ...pairs[kid].publicKey.export({ format: 'jwk' }), kid, alg: ALGS[kid], use: 'sig' });
const setOf = (...kids) => JSON.stringify({ keys: kids.map(jwk) });
const by = (kid, as = kid, id = 'ada') => tokenFor(id, {}, { alg: ALGS[kid], key: pairs[kid].privateKey, header: { kid: as } });
const json = (body, headers = {}) => (_, response) => response.writeHead(200, headers).end(body);

// A key server, and one of ours that asks it, for a describe block. `first`: what it answers at the start.
function useKeys({ args = [], env = {}, tls, first = json(setOf('one')), down = false } = {}) {
  const room = { people: new Set() };
  before(async () => {
    room.origin = await Origin.start({ tls, answer: first });
    if (down) await room.origin.close();
    room.scripts = new Scripts({ example: false });
    room.server = await Server.start({
      dir: room.scripts.dir,
      args: ['--jwt-jwks-url', `${room.origin.url}/keys`, '--jwt-jwks-cooldown', '100', ...args],
      env: { JWT_SECRET: undefined, ...env },
    });
    room.url = room.server.url;
    if (!down) await room.server.logged(/fetched; keys read: 1/);
  });
  afterEach(() => {
    for (const person of room.people) person.close();
    room.people.clear();
  });
  after(async () => {
    await room.server?.stop();
    await room.origin?.close();
    room.scripts?.remove();
  });
  room.client = (token, options) => {
    const person = new Person(room.server, 'ada', { token, ...options });
    room.people.add(person);
    return person;
  };
  room.join = async (token, options) => {
    const person = room.client(token, options);
    await person.admitted(20_000);
    await person.settle();
    return person;
  };
  room.refused = async (token, code, pattern) => {
    const error = await room.client(token).hear('connect_error', undefined, 20_000);
    assert.match(error.message, pattern);
    assert.equal(error.data.code, code);
  };
  room.status = async () => JSON.parse((await lectern(['status', '--json', '--port', String(room.server.port)])).stdout);
  room.ready = async () => (await fetch(`${room.url}/readyz`)).status;
  return room;
}

describe('keys by URL', () => {
  const room = useKeys({ args: ['--jwt-jwks-refresh', '3600000'] });

  it('let in, and are fetched once', async () => {
    assert.equal(await room.ready(), 200);
    for (let i = 0; i < 3; i++) await room.join(by('one'));
    assert.equal(room.origin.requests.length, 1);
    const [{ method, url, headers }] = room.origin.requests;
    assert.deepEqual([method, url], ['GET', '/keys']);
    assert.match(headers['user-agent'], /^lectern\//);
    await room.refused(by('two', 'one'), 'unauthorized', /algorithm/);
    assert.equal(room.origin.requests.length, 1);
  });

  it('are fetched when a token names a new one: a rotation refuses nobody', async () => {
    const stays = await room.join(by('one'));
    room.origin.answer = (_, response) => setTimeout(() => response.end(setOf('two', 'one')), 300);
    const before = room.origin.requests.length;
    await Promise.all(Array.from({ length: 20 }, () => room.join(by('two'))));
    assert.equal(room.origin.requests.length, before + 1);
    await room.server.logged(/changed; keys read: 2/);
    await room.join(by('one'));
    room.origin.answer = json(setOf('two', 'three'));
    await room.join(by('three'));
    await room.refused(by('one'), 'unauthorized', /unknown/);
    await stays.settle();
  });

  it('are fetched for refresh_token as well', async () => {
    const ada = await room.join(by('three'));
    room.origin.answer = json(setOf('three', 'four'));
    assert.equal((await ada.ask('refresh_token', by('four'))).ok, true);
    const { ok, error } = await ada.ask('refresh_token', by('four', 'nobody'));
    assert.deepEqual([ok, error.code], [false, 'unauthorized']);
    await ada.settle();
  });

  it('are fetched once for a flood of unknown names', async () => {
    let release;
    const held = new Promise((resolve) => (release = resolve));
    room.origin.answer = async (_, response) => {
      await held;
      response.end(setOf('four'));
    };
    const before = room.origin.requests.length;
    const { tokens_waited: waited } = (await room.status()).counters;
    const flood = Array.from({ length: 40 }, (_, i) => room.refused(by('one', `kid ${i}`), 'unauthorized', /unknown/));
    await until(async () => (await room.status()).counters.tokens_waited.total >= waited.total + 40, 'all wait');
    await room.join(by('four')); // whose key is known waits for nobody
    release();
    await Promise.all(flood);
    assert.equal(room.origin.requests.length, before + 1);
  });

  it('forget who leaves while waiting', async () => {
    let release;
    room.origin.answer = (_, response) => (release = () => response.end(setOf('four')));
    const before = room.origin.requests.length;
    const gone = [room.client(by('one', 'x')), room.client(by('one', 'y'), { transports: ['websocket'] })];
    await room.origin.asked(before + 1);
    for (const person of gone) person.close();
    await until(async () => (await room.status()).sessions.websocket === 0, 'they are gone');
    release();
    await room.join(by('four'));
  });

  for (const [what, answer, complaint] of [
    ['an error', (_, response) => response.writeHead(500).end('{}'), /status 500/],
    ['a redirect', (_, response) => response.writeHead(302, { location: '/other' }).end(), /status 302 \(redirects are not followed\)/],
    ['garbage', json('<html>'), /not a JSON object/],
    ['no set', json('{}'), /no set of keys/],
    ['a bad key', json(JSON.stringify({ keys: [jwk('four'), { ...jwk('two'), x: 'AA' }] })), /key 2 \(kid "two"\)/],
    ['too much', json('x'.repeat(2 << 20)), /larger than 1048576 bytes/],
    ['half of it', (request, response) => response.writeHead(200, { 'content-length': 999 }).write('{', () => request.socket.destroy()), /: /],
  ]) {
    it(`stay in force when the answer is ${what}`, async () => {
      const from = room.server.log.length;
      room.origin.answer = answer;
      await room.refused(by('one', 'unknown'), 'unavailable', /^Unavailable: /);
      const [line] = await room.server.logged(/.*the keys of before stay in force/, 5000, from);
      assert.match(line, complaint);
      await room.join(by('four'));
      room.origin.answer = json(setOf('four', 'two'));
      await room.join(by('two'));
      room.origin.answer = json(setOf('four'));
      await room.refused(by('two', 'again'), 'unauthorized', /unknown/);
    });
  }

  it('stay in force while nobody answers, which is told once', async () => {
    const from = room.server.log.length;
    await room.origin.close();
    await room.refused(by('one', 'unknown'), 'unavailable', /^Unavailable: /);
    await until(async () => (await room.status()).keys.failures > 1, 'it tries again');
    const ada = await room.join(by('four'));
    const { ok, error } = await ada.ask('refresh_token', by('one', 'unknown'));
    assert.deepEqual([ok, error.code], [false, 'unavailable']);
    const text = (await lectern(['status', '--port', String(room.server.port)])).stdout;
    assert.match(text, /keys +1, fetched \d+ s ago; FAILED \d+ times since: .*connect/i);
    await room.origin.listen();
    await room.server.logged(/is back; keys read: 1/, 10_000, from);
    const told = room.server.log.slice(from).match(/stay in force/g);
    assert.equal(told.length, 1);
    assert.equal((await room.status()).keys.failures, 0);
    assert.equal(await room.ready(), 200);
  });
});

describe('keys by URL with max-age', () => {
  const room = useKeys({ first: json(setOf('one'), { 'cache-control': 'public, max-age=1' }) });

  it('are fetched anew when it is over', async () => {
    await room.origin.asked(2);
    room.origin.answer = json(setOf('two'), { 'cache-control': 'no-store' });
    const from = room.server.log.length;
    await room.server.logged(/changed; keys read: 1/, 10_000, from);
    const seen = room.origin.requests.length;
    await room.refused(by('one'), 'unauthorized', /unknown/);
    await room.origin.asked(seen + 2);
    await room.join(by('two'));
  });
});

describe('keys by URL with a long cooldown', () => {
  const room = useKeys({ args: ['--jwt-jwks-cooldown', '3600000'] });

  it('are fetched for one unknown name, and the next is refused at once', async () => {
    await room.refused(by('one', 'x'), 'unauthorized', /unknown/);
    await room.refused(by('one', 'y'), 'unauthorized', /unknown/);
    assert.equal(room.origin.requests.length, 2);
    await room.join(by('one'));
  });
});

describe('keys by URL that are not there at the start', () => {
  const room = useKeys({ down: true });

  it('let nobody in until they are', async () => {
    await room.server.logged(/nobody can log in until it is there/);
    assert.equal(await room.ready(), 503);
    assert.equal((await fetch(`${room.url}/healthz`)).status, 200);
    await room.refused(by('one'), 'unavailable', /^Unavailable: /);
    await room.origin.listen();
    await room.join(by('one'));
    assert.equal(await room.ready(), 200);
  });
});

describe('keys by URL that take their time at the start', () => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const late = async (_, response) => {
    await held;
    response.end(setOf('one'));
  };
  const scripts = new Scripts({ example: false });
  after(() => scripts.remove());

  it('are waited for', async () => {
    const origin = await Origin.start({ answer: late });
    const server = await Server.start({ dir: scripts.dir, args: ['--jwt-jwks-url', origin.url], env: { JWT_SECRET: undefined } });
    try {
      await origin.asked(1);
      assert.equal((await fetch(`${server.url}/readyz`)).status, 503);
      const ada = new Person(server, 'ada', { token: by('one') });
      await until(async () => {
        const { stdout } = await lectern(['status', '--json', '--port', String(server.port)]);
        return JSON.parse(stdout).counters.tokens_waited.total === 1;
      }, 'ada waits');
      release();
      await ada.admitted();
      ada.close();
    } finally {
      await server.stop();
      await origin.close();
    }
  });

  it('are given up, and the server ends while it waits', async () => {
    const origin = await Origin.start({ answer: () => {} });
    const server = await Server.start({
      dir: scripts.dir,
      args: ['--jwt-jwks-url', origin.url, '--http-client-timeout', '300'],
      env: { JWT_SECRET: undefined },
    });
    try {
      await server.logged(/timed out.*nobody can log in/i);
      await origin.asked(2);
      const ada = new Person(server, 'ada', { token: by('one') });
      const error = await ada.hear('connect_error');
      assert.equal(error.data.code, 'unavailable');
      ada.close();
    } finally {
      await server.stop();
      await origin.close();
    }
  });

  it('hold nobody up who leaves or stops', async () => {
    const origin = await Origin.start({ answer: () => {} });
    const server = await Server.start({ dir: scripts.dir, args: ['--jwt-jwks-url', origin.url], env: { JWT_SECRET: undefined } });
    const people = [0, 1, 2].map(() => new Person(server, 'ada', { token: by('one'), transports: ['websocket'] }));
    try {
      await until(async () => {
        const { stdout } = await lectern(['status', '--json', '--port', String(server.port)]);
        return JSON.parse(stdout).counters.tokens_waited.total === 3;
      }, 'all wait');
      people[0].close();
    } finally {
      await server.stop(); // with a request under way, and two who wait
      for (const person of people) person.close();
      await origin.close();
    }
  });
});

describe('keys by https URL', () => {
  const ca = new Authority('the keys');
  after(() => ca.remove());
  const room = useKeys({ tls: ca.issue('localhost'), args: ['--http-client-ca', ca.file] });

  it('let in', () => room.join(by('one')));

  it('are not taken from somebody whom no authority knows', async () => {
    const server = await Server.start({ dir: room.scripts.dir, args: ['--jwt-jwks-url', room.origin.url], env: { JWT_SECRET: undefined, LECTERN_DATABASE: 'memory:' } });
    try {
      await server.logged(/certificate.*nobody can log in/i);
      assert.equal((await fetch(`${server.url}/readyz`)).status, 503);
    } finally {
      await server.stop();
    }
  });
});

describe('keys by URL, with http.client_allow', () => {
  const room = useKeys({ args: ['--http-client-allow', 'school.example'] });

  it('are fetched, as their address is of the configuration', async () => {
    await room.join(by('one'));
  });
});

describe('jwt.jwks_url', () => {
  const scripts = new Scripts({ example: false });
  after(() => scripts.remove());
  for (const command of ['check', 'serve']) {
    it(`is looked at by ${command}`, async () => {
      for (const url of ['http://school.example/keys', 'school.example', 'file:///etc/passwd', 'https://me:secret@school.example/']) {
        const { code, stderr } = await lectern([command, scripts.dir, '--jwt-jwks-url', url]);
        assert.equal(code, 2);
        assert.match(stderr, /--jwt-jwks-url: .*is not allowed; give an address like https:/);
      }
    });
  }
  it('is the only source of keys', async () => {
    const { code, stderr } = await lectern(['serve', scripts.dir, '--jwt-jwks-url', 'https://a.example/', '--jwt-secret', 'x']);
    assert.equal(code, 2);
    assert.match(stderr, /more than one is set/);
  });
  it('needs authorities that can be read', async () => {
    const file = scripts.write('ca.pem', 'nothing');
    const { code, stderr } = await lectern(['serve', scripts.dir, '--jwt-jwks-url', 'https://a.example/', '--http-client-ca', file]);
    assert.equal(code, 2);
    assert.match(stderr, /http\.client_ca: \S+ca\.pem: no PEM file/);
  });
});
