// The server API: what back ends get for a call, who may call, and what bounds there are.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import { call, request, serviceToken } from './support/api.mjs';
import { curl } from './support/http.mjs';
import { useServer } from './support/suite.mjs';
import { sign, tokenFor } from './support/tokens.mjs';
import { once, within } from './support/wait.mjs';

const HANDLERS = `
  local lectern = require "lectern"
  local M = {}

  -- Adds two numbers.
  -- Both must be there.
  ---@param first number
  ---@param second? number one unless given
  ---@return number
  function M.add_up(first, second) return first + (second or 1) end

  function M.echo(...) return lectern.array { ... } end
  function M.camelNamed() return "camel" end
  function M.nothing() end
  function M.fails() error "boom" end
  function M.function_back() return { print } end
  function M.refuses(code) return nil, "not today", code end
  function M.nap(seconds) lectern.sleep(seconds) return "awake" end
  function M.mark(word) lectern.state.mark = word return word end
  function M.marked() return lectern.state.mark end
  function M.nap_and_mark(seconds, word) lectern.sleep(seconds) lectern.state.mark = word return word end
  function M.forever() while true do end end
  function M._private() return "secret" end
  function M.calls_another() return lectern.api.add_up(1, 2) end
  return M`;
const EMPTY = { example: false, files: { 'handlers/main.lua': HANDLERS } };
const ARGS = ['--api-timeout', '1500', '--api-max-bytes', '2000', '--api-max-values', '50', '--api-max-calls', '8', '--script-time', '300'];

// Bytes to a socket and what comes back until the server ends it. `half`: ends its side at once.
async function exchange(port, bytes, { half = true } = {}) {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  socket.setEncoding('utf8').on('data', (data) => (text += data));
  await once(socket, 'connect');
  if (half) socket.end(bytes);
  else socket.write(bytes);
  const ended = new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
  await within(5000, ended, () => `no end: ${text}`);
  socket.destroy();
  return text;
}

describe('a call', () => {
  const room = useServer({ ...EMPTY, args: ARGS });

  it('gets what the function returns', async () => {
    assert.deepEqual((await call(room, 'add_up', [1, 2])).body, { result: 3 });
    assert.deepEqual((await call(room, 'nothing', [])).body, { result: null });
    assert.deepEqual((await call(room, 'calls_another', [])).body, { result: 3 });
    const { status, headers } = await call(room, 'add_up', [1]);
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), 'application/json');
    assert.equal(headers.get('cache-control'), 'no-store');
  });

  it('names a function in snake_case or camelCase', async () => {
    for (const name of ['add_up', 'addUp']) assert.deepEqual((await call(room, name, [1, 2])).body, { result: 3 });
    for (const name of ['camelNamed', 'camel_named']) assert.deepEqual((await call(room, name)).body, { result: 'camel' });
  });

  it('takes a list of arguments, one object, or none', async () => {
    assert.deepEqual((await call(room, 'echo', [1, [2]])).body, { result: [1, [2]] });
    assert.deepEqual((await call(room, 'echo', { a: 1 })).body, { result: [{ a: 1 }] });
    assert.deepEqual((await call(room, 'echo', [[1, 2]])).body, { result: [[1, 2]] });
    assert.deepEqual((await call(room, 'echo', undefined)).body, { result: [] });
    assert.deepEqual((await call(room, 'echo', undefined, { raw: ' \r\n' })).body, { result: [] });
  });

  it('brings back any value unchanged', async () => {
    const values = [null, true, 0, -1.5, 1e21, 9007199254740991, '', 'ÄÖÜ € 👩‍🏫 \u0000', [], {}, [{ a: [] }], { a: null, 'ü': [{}] }, new Date(0).toISOString()];
    assert.deepEqual((await call(room, 'echo', values)).body, { result: values });
  });

  it('is refused with a fitting status', async () => {
    const expected = { invalid: 400, unauthorized: 401, forbidden: 403, not_found: 404, conflict: 409, exists: 409, too_big: 413, rate_limited: 429, busy: 503, full: 503, unavailable: 503, timeout: 504, nonsense: 422 };
    for (const [code, status] of Object.entries(expected)) {
      const answer = await call(room, 'refuses', [code]);
      assert.equal(answer.status, status, code);
      assert.deepEqual(answer.body.error, { code, message: 'not today', id: answer.headers.get('x-request-id') });
      assert.equal(answer.headers.get('retry-after') !== null, status === 503 || status === 429, code);
    }
    assert.equal((await call(room, 'refuses', [])).body.error.code, 'refused');
  });

  it('that fails gets an id that is in the log, and nothing of the reason', async () => {
    const from = room.server.log.length;
    const { status, body } = await call(room, 'fails', [], { headers: { 'x-request-id': 'order-17' } });
    assert.equal(status, 500);
    assert.deepEqual(Object.keys(body.error).sort(), ['code', 'id', 'message']);
    assert.equal(body.error.code, 'internal_error');
    const [line] = await room.server.logged(/.*boom.*/, 5000, from);
    for (const part of [body.error.id, 'order-17', 'service:billing', 'POST /api/fails']) assert.ok(line.includes(part), `${part}: ${line}`);
  });

  it('whose result is no JSON fails', async () => {
    assert.equal((await call(room, 'function_back', [])).status, 500);
    assert.match(room.server.log, /the answer cannot be sent: value.result\[1\]: a function cannot be sent/);
  });

  it('that never waits is stopped at script.time', async () => {
    assert.equal((await call(room, 'forever', [])).status, 500);
    assert.deepEqual((await call(room, 'add_up', [1, 1])).body, { result: 2 });
  });

  it('of an unknown function hears the nearest name', async () => {
    for (const [name, near] of Object.entries({ ad_up: 'add_up', addup: 'add_up|addUp', emitToUsr: 'emitToUser' })) {
      const { status, body } = await call(room, name, []);
      assert.equal(status, 404);
      assert.match(body.error.message, new RegExp(`there is no function "${name}"; did you mean (${near})\\?`));
    }
    for (const name of ['_private', 'on_start', 'zzzzzzzzzzzz', 'add_up/', '%20', 'x'.repeat(5000)]) {
      assert.equal((await call(room, name, [])).status, 404, name);
    }
  });

  it('whose body is no list and no object is refused', async () => {
    for (const raw of ['1', '"x"', 'null', 'true', '{', '[1,]', "{'a':1}", '\u0000']) {
      const { status, body } = await call(room, 'echo', undefined, { raw });
      assert.equal(status, 400, raw);
      assert.equal(body.error.code, 'invalid');
    }
  });

  it('has a request id, the caller\'s or one of the server\'s', async () => {
    const id = 'a'.repeat(128);
    assert.equal((await call(room, 'nothing', [], { headers: { 'x-request-id': id } })).headers.get('x-request-id'), id);
    for (const bad of ['a'.repeat(129), 'two words', '"quoted"']) {
      assert.match((await call(room, 'nothing', [], { headers: { 'x-request-id': bad } })).headers.get('x-request-id'), /^[\w-]{20}$/);
    }
    const from = room.server.log.length;
    await call(room, 'nothing', [], { headers: { 'x-request-id': 'r-7' } });
    await room.server.logged(/info +lectern:http conn=r-7 user=service:billing POST \/api\/nothing: 200/, 5000, from);
  });

  it('has the methods that its address has', async () => {
    for (const [method, path, allow] of [['GET', '/api/add_up', 'POST'], ['DELETE', '/api', 'GET, HEAD, POST'], ['POST', '/api/openapi.json', 'GET, HEAD']]) {
      const { status, headers } = await request(room, method, path);
      assert.equal(status, 405, path);
      assert.equal(headers.get('allow'), allow);
    }
  });

  it('comes by curl as well', async () => {
    const answer = await curl('-H', `Authorization: Bearer ${serviceToken()}`, '-d', '["€"]', `${room.url}/api/echo`);
    assert.equal(answer.toString(), '{"result":["€"]}');
  });
});

describe('several calls at once', () => {
  const room = useServer({ ...EMPTY, args: ARGS });
  const list = (calls, options) => request(room, 'POST', '/api', { body: calls, ...options });

  it('are made in order, each with an answer of its own', async () => {
    const { status, body } = await list([
      { call: 'mark', args: ['one'] },
      { call: 'fails' },
      { call: 'marked', args: [] },
      { call: 'refuses', args: ['exists'] },
      { call: 'add_upp' },
      { call: 'function_back' },
      { call: 'echo', args: { a: 1 } },
      { args: [] },
      { call: 'marked', args: 'x' },
      { call: 'nothing' },
    ]);
    assert.equal(status, 200);
    assert.deepEqual(body.result.map((one) => ('result' in one ? one.result : one.error.code)), ['one', 'internal_error', 'one', 'exists', 'not_found', 'internal_error', [{ a: 1 }], 'invalid', 'invalid', null]);
    assert.ok(room.server.log.includes(body.result[1].error.id));
  });

  it('are none in an empty list, and no object', async () => {
    assert.deepEqual((await list([])).body, { result: [] });
    assert.equal((await list({ call: 'nothing' })).status, 400);
    assert.equal((await list(undefined)).status, 400);
  });
});

describe('what there is', () => {
  const room = useServer({ args: ARGS.slice(0, 2), files: { 'handlers/zz_main.lua': HANDLERS } });

  it('is listed with what comments say', async () => {
    const { body } = await request(room, 'GET', '/api');
    const by = Object.fromEntries(body.result.functions.map((one) => [one.name, one]));
    assert.deepEqual(by.add_up, {
      name: 'add_up', camelCase: 'addUp', file: 'handlers/zz_main.lua', returns: 'number', description: 'Adds two numbers.\nBoth must be there.',
      parameters: [{ name: 'first', type: 'number' }, { name: 'second', type: 'number', optional: true, description: 'one unless given' }],
    });
    assert.deepEqual(by.echo, { name: 'echo', camelCase: 'echo', file: 'handlers/zz_main.lua', more: true, parameters: [] });
    assert.equal(by.create_notification.file, 'handlers/notifications.lua');
    assert.equal(by.is_user_connected.file, 'lectern');
    assert.equal(by.revoke_user.file, 'handlers/access.lua'); // in place of the built-in one
    assert.ok(!by._private && !by.on_start);
    for (const one of body.result.functions) {
      if (one.file === 'lectern') assert.ok(one.description, `${one.name} lacks a comment`);
    }
  });

  it('is a valid document of OpenAPI 3.1', async () => {
    const { body, status } = await request(room, 'GET', '/api/openapi.json');
    assert.equal(status, 200);
    const result = await new Validator().validate(structuredClone(body));
    assert.ok(result.valid, JSON.stringify(result.errors, null, 1)?.slice(0, 3000));
    assert.equal(body.openapi, '3.1.0');
    const operation = body.paths['/api/add_up'].post;
    assert.equal(operation.summary, 'Adds two numbers.');
    const [args] = operation.requestBody.content['application/json'].schema.anyOf;
    assert.deepEqual(args, { type: 'array', minItems: 1, maxItems: 2, prefixItems: [{ type: 'number', title: 'first' }, { type: 'number', title: 'second', description: 'one unless given' }] });
  });
});

describe('who may call', () => {
  const room = useServer({ ...EMPTY, args: ['--api-service-role', 'backend'] });
  const backend = tokenFor('shop', { role: 'backend' });

  it('is nobody without a token', async () => {
    for (const [method, path] of [['GET', '/api'], ['POST', '/api'], ['POST', '/api/echo'], ['POST', '/api/nope'], ['GET', '/api/openapi.json'], ['OPTIONS', '/api/echo'], ['GET', '/api/'], ['PUT', '/api/a/b']]) {
      const { status, headers, body } = await request(room, method, path, { token: null });
      assert.equal(status, 401, `${method} ${path}`);
      assert.equal(headers.get('www-authenticate'), 'Bearer');
      assert.equal(body.error.code, 'unauthorized');
    }
  });

  it('is no learner', async () => {
    for (const claims of [{}, { role: 'student' }, { role: 'admin' }, { role: 'service' }, { role: ['service', 'x'] }, { role: { backend: true } }, { role: [['backend']] }, { Role: 'backend' }]) {
      const { status, body } = await call(room, 'echo', [], { token: tokenFor('ada', claims) });
      assert.equal(status, 403, JSON.stringify(claims));
      assert.equal(body.error.code, 'forbidden');
    }
  });

  it('is who has the role of services, as a word or among others', async () => {
    for (const role of ['backend', ['x', 'backend'], [{ a: 1 }, 'backend']]) {
      assert.equal((await call(room, 'echo', [], { token: tokenFor('shop', { role }) })).status, 200, JSON.stringify(role));
    }
    assert.equal((await call(room, 'echo', [], { token: null, headers: { 'x-api-key': backend } })).status, 200);
  });

  it('is nobody whose token is forged, expired, revoked', async () => {
    const bad = [
      tokenFor('shop', { role: 'backend' }, { key: 'another secret that is long enough' }),
      tokenFor('shop', { role: 'backend', exp: 1 }),
      sign({ sub: 'shop', role: 'backend' }, { alg: 'none' }),
      'lk_abcdefghij_0123456789012345678901234567890123456789012', 'lk_', 'x', `${backend}x`,
    ];
    for (const token of bad) assert.equal((await call(room, 'echo', [], { token })).status, 401, token);
    const token = tokenFor('gone', { role: 'backend' });
    await call(room, 'revoke_user', ['gone'], { token: backend });
    assert.equal((await call(room, 'echo', [], { token })).status, 401);
  });

  it('is told in the log, but not for every try', async () => {
    const from = room.server.log.length;
    for (let i = 0; i < 40; i++) await call(room, 'echo', [], { token: 'wrong', headers: { 'x-request-id': `try-${i}` } });
    const lines = room.server.log.slice(from).split('\n').filter((line) => line.includes('try-'));
    assert.ok(lines.length < 25, `${lines.length} lines`);
    await sleep(1500);
    await call(room, 'echo', [], { token: 'wrong' });
    await room.server.logged(/refused \d+ more calls, which are not shown/, 5000, from);
  });
});

describe('bounds of calls', () => {
  const room = useServer({ ...EMPTY, args: ARGS });

  it('are of bytes', async () => {
    assert.equal((await call(room, 'echo', ['x'.repeat(1900)])).status, 200);
    for (const raw of [`["${'x'.repeat(2000)}"]`, ' '.repeat(100_000)]) {
      const { status, body } = await call(room, 'echo', undefined, { raw });
      assert.equal(status, 413);
      assert.equal(body.error.code, 'too_big');
    }
    const chunks = `1f4\r\n${' '.repeat(500)}\r\n`.repeat(10); // without a length
    const text = await exchange(room.server.port, `POST /api/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${serviceToken()}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
    assert.match(text, /^HTTP\/1\.1 413 /);
  });

  it('are of values, depth and arguments', async () => {
    assert.equal((await call(room, 'echo', Array(49).fill(0))).status, 200);
    assert.equal((await call(room, 'echo', Array(50).fill(0))).status, 413);
    assert.equal((await call(room, 'echo', [{ a: Array(48).fill({}) }])).status, 413);
    assert.equal((await call(room, 'echo', undefined, { raw: '['.repeat(65) + ']'.repeat(65) })).status, 413);
  });

  it('are of time; what it waited for is given up', async () => {
    const began = Date.now();
    const { status, body } = await call(room, 'nap_and_mark', [3, 'late']);
    assert.equal(status, 504);
    assert.equal(body.error.code, 'timeout');
    assert.ok(Date.now() - began < 2900);
    await sleep(2000);
    assert.notEqual((await call(room, 'marked')).body.result, 'late');
  });

  it('are of calls under way: others may come again', async () => {
    const naps = Array.from({ length: 8 }, () => call(room, 'nap', [0.7]));
    await sleep(300);
    const { status, headers, body } = await call(room, 'nothing');
    assert.equal(status, 503);
    assert.equal(body.error.code, 'busy');
    assert.equal(headers.get('retry-after'), '1');
    for (const nap of naps) assert.deepEqual((await nap).body, { result: 'awake' });
    assert.equal((await call(room, 'nothing')).status, 200);
  });
});

describe('a caller that does not wait as others do', () => {
  const room = useServer({ ...EMPTY, args: ARGS });
  const head = (body, more = '') => `POST /api/nap HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${serviceToken()}\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

  it('gets its answer though it has ended its side', async () => {
    for (const body of ['[0]', '[0.4]']) {
      const text = await exchange(room.server.port, head(body));
      assert.match(text, /^HTTP\/1\.1 200 OK\r\n/, body);
      assert.match(text, /\{"result":"awake"\}$/);
    }
    const text = await exchange(room.server.port, head('[0.3]') + head('[0.2]', 'X-Request-Id: second\r\n'));
    assert.equal(text.match(/"awake"/g)?.length, 2, text);
    assert.match(await exchange(room.server.port, head('[0.3]').replace('HTTP/1.1', 'HTTP/1.0')), /"awake"/);
  });

  it('gets none for half a body', async () => {
    const text = await exchange(room.server.port, head('[0.4]').slice(0, -2));
    assert.doesNotMatch(text, /200 OK/);
  });

  it('and goes away has its call made to the end', async () => {
    await call(room, 'mark', ['before']);
    const gone = new AbortController();
    const asked = call(room, 'nap_and_mark', [0.5, 'after'], { signal: gone.signal }).catch((error) => error);
    await sleep(200);
    gone.abort();
    assert.equal((await asked).name, 'AbortError');
    await sleep(700);
    assert.deepEqual((await call(room, 'marked')).body, { result: 'after' });
  });

  it('is answered while the server stops', async () => {
    const nap = call(room, 'nap', [0.6]);
    await sleep(200);
    room.server.signal('SIGTERM');
    assert.deepEqual((await nap).body, { result: 'awake' });
    await room.server.exit();
  });
});
