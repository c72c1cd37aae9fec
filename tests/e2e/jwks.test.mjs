// Keys of a JWKS file: each algorithm with a real client, and a set that changes while the server runs.
import assert from 'node:assert/strict';
import { renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { lectern } from './support/process.mjs';
import { Scripts } from './support/scripts.mjs';
import { useServer } from './support/suite.mjs';
import { keysFor, tokenFor } from './support/tokens.mjs';
import { until } from './support/wait.mjs';

const ALGS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const pairs = Object.fromEntries(ALGS.map((alg) => [alg, keysFor(alg)]));
const shared = Buffer.from('a shared secret of the tests, longer than sixty-four bytes, for HS512 too');
const jwk = (alg, kid = alg) => ({ ...pairs[alg].publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' });
const oct = { kty: 'oct', kid: 'HS512', alg: 'HS512', k: shared.toString('base64url') };
const setOf = (...keys) => JSON.stringify({ keys });
const by = (alg, kid = alg, key = pairs[alg].privateKey) => tokenFor('ada', {}, { alg, key, header: { kid } });

async function refused(room, token, pattern = /^Authentication error: /) {
  const person = room.client('mallory', { token });
  const error = await person.hear('connect_error');
  assert.match(error.message, pattern);
  assert.equal(error.data.code, 'unauthorized');
}

describe('a JWKS file', () => {
  const all = setOf(...ALGS.map((alg) => jwk(alg)), oct, { kty: 'RSA', use: 'enc', kid: 'other' });
  const scripts = new Scripts({ example: false, handlers: [], files: { 'keys.json': all } });
  const file = `${scripts.dir}/keys.json`;
  const room = useServer({ args: ['--jwt-jwks-file', file], env: { JWT_SECRET: undefined } });
  after(() => scripts.remove());
  const write = (text) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };

  for (const alg of ALGS) {
    it(`lets in by ${alg}`, async () => {
      const ada = await room.join('ada', { token: by(alg) });
      assert.equal(ada.connected.userId, 'ada');
    });
  }
  it('lets in by HS512', () => room.join('ada', { token: by('HS512', 'HS512', shared) }));

  it('binds the algorithm to the key', async () => {
    await refused(room, by('RS256', 'RS512'), /algorithm/);
    await refused(room, by('PS256', 'RS256'), /algorithm/);
    await refused(room, by('ES256', 'RS256'), /algorithm/);
    await refused(room, by('RS256', 'HS512'), /algorithm/);
    await refused(room, by('HS512', 'RS256', pairs.RS256.publicKey.export({ format: 'pem', type: 'spki' })), /algorithm/);
    await refused(room, by('HS256', 'HS512', shared), /algorithm/);
    await refused(room, tokenFor('ada', {}, { alg: 'none', header: { kid: 'RS256' } }), /algorithm/);
  });
  it('refuses another key under a known name, unknown names, and no name', async () => {
    await refused(room, by('RS256', 'RS256', pairs.RS384.privateKey), /signature/);
    await refused(room, by('RS256', 'nobody'), /unknown/);
    await refused(room, by('RS256', 'other'), /unknown/);
    await refused(room, tokenFor('ada', {}, { alg: 'RS256', key: pairs.RS256.privateKey }), /kid/);
  });

  it('is read again when it changes, and a bad one is not taken', async () => {
    const { server } = room;
    const stays = await room.join('ada', { token: by('RS256') });
    let from = server.log.length;
    write(setOf(jwk('ES256', 'fresh'), jwk('RS512')));
    await server.logged(/changed; keys read: 2/, 5000, from);
    await room.join('ada', { token: by('ES256', 'fresh') });
    await refused(room, by('RS256'), /unknown/);
    assert.equal(stays.socket.connected, true);

    from = server.log.length;
    write(setOf(jwk('ES256', 'fresh'), { ...jwk('EdDSA', 'bad'), x: 'AAAA' }));
    const [line] = await server.logged(/.*keys\.json: key 2 \(kid "bad"\).*stay in force/, 5000, from);
    assert.match(line, /error/);
    await room.join('ada', { token: by('ES256', 'fresh') });

    from = server.log.length;
    unlinkSync(file);
    await server.logged(/keys\.json: No such file/, 5000, from);
    await room.join('ada', { token: by('ES256', 'fresh') });

    write(setOf(jwk('RS256')));
    await until(async () => {
      const person = room.client('ada', { token: by('RS256') });
      return (await person.hearAll(['connect', 'connect_error'])).length === 0;
    }, 'the last set counts');
  });

  it('is refused at start when it is bad', async () => {
    const bad = scripts.write('bad.json', setOf(jwk('RS256'), { kty: 'EC', crv: 'P-256', kid: 'x' }));
    const { code, stderr } = await lectern(['serve', scripts.dir, '--jwt-jwks-file', bad, '--port', '0']);
    assert.equal(code, 2);
    assert.match(stderr, /bad\.json: key 2 \(kid "x"\) lacks the member "x"/);
  });
});

describe('jwt.algorithms and jwt.required_claims', () => {
  const room = useServer({ args: ['--jwt-algorithms', 'HS384', '--jwt-required-claims', 'exp,org'] });
  it('takes the allowed algorithm only', async () => {
    await room.join('ada', { token: tokenFor('ada', { org: 'a' }, { alg: 'HS384' }) });
    await refused(room, tokenFor('ada', { org: 'a' }), /algorithm/);
  });
  it('refuses a token that lacks a claim, and names it', async () => {
    await refused(room, tokenFor('ada', {}, { alg: 'HS384' }), /"org"/);
    await refused(room, tokenFor('ada', { org: 'a', exp: undefined }, { alg: 'HS384' }), /"exp"/);
  });
  it('signs tokens by it', async () => {
    const { stdout } = await lectern(['token', '--sub', 'ada', '--jwt-secret', 'x', '--jwt-algorithms', 'HS512', '--dir', room.scripts.dir]);
    assert.equal(JSON.parse(Buffer.from(stdout.split('.')[0], 'base64url')).alg, 'HS512');
  });
});
