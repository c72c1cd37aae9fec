// JSON Web Tokens made by hand, so that bad ones can be made as well.
import { constants, createHmac, generateKeyPairSync, sign as signData } from 'node:crypto';

export const SECRET = 'a secret of the tests, longer than thirty-two bytes';

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
export const inSeconds = (n) => Math.floor(Date.now() / 1000) + n;

// Each by the algorithm's name; keys of asymmetric ones are PEM texts or KeyObjects.
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const signers = { none: () => '', EdDSA: (input, key) => signData(null, Buffer.from(input), key).toString('base64url') };
for (const bits of [256, 384, 512]) {
  const hash = `sha${bits}`;
  const by = (options) => (input, key) => signData(hash, Buffer.from(input), { key, ...options }).toString('base64url');
  signers[`HS${bits}`] = (input, key) => createHmac(hash, key).update(input).digest('base64url');
  signers[`RS${bits}`] = by({});
  signers[`PS${bits}`] = by(PSS);
  signers[`ES${bits}`] = by({ dsaEncoding: 'ieee-p1363' });
}

// A token with exactly these claims.
export function sign(claims, { alg = 'HS256', key = SECRET, header = {} } = {}) {
  const input = `${encode({ alg, typ: 'JWT', ...header })}.${encode(claims)}`;
  return `${input}.${signers[alg](input, key)}`;
}

// A good token for a person.
export function tokenFor(id, claims = {}, options = {}) {
  return sign({ sub: id, iat: inSeconds(0), exp: inSeconds(3600), ...claims }, options);
}

export const rsaKeys = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

export const ecKeys = () =>
  generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

// Key objects by algorithm, for key sets: publicKey.export({ format: 'jwk' }).
export function keysFor(alg) {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  if (alg.startsWith('ES')) return generateKeyPairSync('ec', { namedCurve: { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg] });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}
