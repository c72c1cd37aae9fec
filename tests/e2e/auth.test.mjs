// Who gets in: tokens good and bad, keys of all three kinds.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, describe, it } from 'node:test';
import { Scripts } from './support/scripts.mjs';
import { useServer, WAYS } from './support/suite.mjs';
import { ecKeys, inSeconds, rsaKeys, SECRET, sign, tokenFor } from './support/tokens.mjs';

async function refused(room, token, options = {}) {
  const person = room.client('mallory', { token, ...options });
  const error = await person.hear('connect_error');
  assert.ok(error.message.length > 0, 'the refusal says something');
  if (token) assert.ok(!error.message.includes(String(token).slice(0, 12)), 'and nothing of the token');
  assert.deepEqual(person.heard('connect'), []);
  return error;
}

const flip = (token, part) => {
  const parts = token.split('.');
  const at = Math.floor(parts[part].length / 2);
  parts[part] = parts[part].slice(0, at) + (parts[part][at] === 'A' ? 'B' : 'A') + parts[part].slice(at + 1);
  return parts.join('.');
};

describe('HS256 with JWT_SECRET', () => {
  const room = useServer();
  const good = tokenFor('mallory');
  const [header, payload] = good.split('.');
  const raw = (value) => Buffer.from(value).toString('base64url');

  const bad = {
    missing: null,
    'an empty string': '',
    'the placeholder of the guide': 'your-jwt-token',
    'dots only': '..',
    'not text but a number': 42,
    'not text but an object': { token: good },
    'a truncated one': good.slice(0, -5),
    'without its signature': `${header}.${payload}.`,
    'with a changed payload': flip(good, 1),
    'with a changed signature': flip(good, 2),
    'signed with another secret': tokenFor('mallory', {}, { key: 'another secret, also long enough for it' }),
    'signed with an empty secret': tokenFor('mallory', {}, { key: '' }),
    'of algorithm none': tokenFor('mallory', {}, { alg: 'none' }),
    'of algorithm None, signed': sign({ sub: 'mallory', exp: inSeconds(60) }, { header: { alg: 'None' } }),
    'of algorithm HS384 with the right secret': tokenFor('mallory', {}, { alg: 'HS384' }),
    expired: tokenFor('mallory', { exp: inSeconds(-60) }),
    'not yet valid': tokenFor('mallory', { nbf: inSeconds(120) }),
    'whose exp is text': tokenFor('mallory', { exp: 'tomorrow' }),
    'without a user': sign({ exp: inSeconds(60) }),
    'with an empty user': tokenFor(''),
    'whose user is a list': tokenFor(['mallory']),
    'whose payload is no JSON': (() => {
      const input = `${header}.${raw('{"sub":')}`;
      return `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
    })(),
    'whose payload is no object': (() => {
      const input = `${header}.${raw('["mallory"]')}`;
      return `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
    })(),
    'of 20 kB': tokenFor('mallory', { padding: 'x'.repeat(20_000) }),
  };
  for (const [what, token] of Object.entries(bad)) {
    it(`refuses a token ${what}`, () => refused(room, token));
  }

  for (const { way, options } of WAYS) {
    it(`refuses over ${way}, too, and a later good token gets in`, async () => {
      await refused(room, bad['with a changed signature'], options);
      await room.join('mallory', options);
    });
  }

  it('says expired when it is', async () => {
    const error = await refused(room, tokenFor('mallory', { exp: inSeconds(-3600) }));
    assert.match(error.message, /expired/i);
  });

  it('forgives a small difference of clocks', async () => {
    await room.join('late', { token: tokenFor('late', { exp: inSeconds(-3) }) });
    await room.join('early', { token: tokenFor('early', { nbf: inSeconds(4), iat: inSeconds(4) }) });
  });

  it('takes a numeric id, and keeps claims for handlers', async () => {
    const ada = await room.join('42', { token: tokenFor(42, { role: 'teacher', courses: ['7'], name: 'Ada Λ' }) });
    assert.equal(String(ada.connected.userId), '42');
    const { user } = await ada.ask('who_am_i');
    assert.equal(user.role, 'teacher');
    assert.deepEqual(user.courses, ['7']);
    assert.equal(user.name, 'Ada Λ');
  });

  for (const { way, options } of WAYS) {
    it(`takes Authorization: Bearer, ${way}`, async () => {
      const ada = await room.join('ada', { ...options, token: null, extraHeaders: { Authorization: `Bearer ${tokenFor('ada')}` } });
      assert.equal(ada.connected.userId, 'ada');
    });
  }

  it('refuses a bad Authorization header', async () => {
    await refused(room, null, { extraHeaders: { Authorization: `Bearer ${bad.expired}` } });
    await refused(room, null, { extraHeaders: { Authorization: 'Basic bWFsbG9yeTpw' } });
  });

  it('a client can try again with a better token on the same connection', async () => {
    const eve = room.client('eve', { token: 'nonsense' });
    await eve.hear('connect_error');
    eve.socket.auth = { token: tokenFor('eve') };
    eve.socket.connect();
    await eve.hear('connect');
    assert.equal((await eve.hear('connected')).userId, 'eve');
  });

  it('never writes a token to the log', () => {
    const { log } = room.server;
    for (const token of [good, ...Object.values(bad)]) {
      if (typeof token !== 'string' || token.length < 30) continue;
      for (const part of token.split('.')) {
        if (part.length > 24 && part !== header) assert.ok(!log.includes(part.slice(0, 24)));
      }
    }
    assert.ok(!log.includes(SECRET));
  });
});

describe('issuer and audience', () => {
  const room = useServer({ args: ['--jwt-issuer', 'https://lms.example', '--jwt-audience', 'classroom'] });
  const claims = { iss: 'https://lms.example', aud: 'classroom' };

  it('lets in who has both', async () => {
    await room.join('ada', { claims });
    await room.join('bob', { claims: { ...claims, aud: ['library', 'classroom'] } });
  });
  for (const [what, change] of Object.entries({
    'another issuer': { iss: 'https://evil.example' },
    'no issuer': { iss: undefined },
    'another audience': { aud: 'library' },
    'no audience': { aud: undefined },
    'only other audiences': { aud: ['library', 'canteen'] },
  })) {
    it(`refuses ${what}`, () => refused(room, tokenFor('mallory', { ...claims, ...change })));
  }
});

for (const [alg, keys] of [
  ['RS256', rsaKeys()],
  ['ES256', ecKeys()],
]) {
  describe(`${alg} with a public key file`, () => {
    const scripts = new Scripts({ example: false, handlers: [], files: { 'key.pem': keys.publicKey } });
    const room = useServer({ args: ['--jwt-public-key-file', `${scripts.dir}/key.pem`], env: { JWT_SECRET: undefined } });
    after(() => scripts.remove());

    it('lets in who has a good token', async () => {
      const ada = await room.join('ada', { token: tokenFor('ada', {}, { alg, key: keys.privateKey }) });
      assert.equal(ada.connected.userId, 'ada');
    });
    it('refuses one signed with another key', () => {
      const other = alg === 'RS256' ? rsaKeys() : ecKeys();
      return refused(room, tokenFor('mallory', {}, { alg, key: other.privateKey }));
    });
    it('refuses the public key used as an HMAC secret', () =>
      refused(room, tokenFor('mallory', {}, { alg: 'HS256', key: keys.publicKey })));
    it('refuses the algorithm none', () => refused(room, tokenFor('mallory', {}, { alg: 'none' })));
    it('refuses the other algorithm', () => {
      const [other, pair] = alg === 'RS256' ? ['ES256', ecKeys()] : ['RS256', rsaKeys()];
      return refused(room, tokenFor('mallory', {}, { alg: other, key: pair.privateKey }));
    });
    it('refuses an expired one', () =>
      refused(room, tokenFor('mallory', { exp: inSeconds(-60) }, { alg, key: keys.privateKey })));
    it('refuses a changed one', () =>
      refused(room, flip(tokenFor('mallory', {}, { alg, key: keys.privateKey }), 1)));
  });
}
