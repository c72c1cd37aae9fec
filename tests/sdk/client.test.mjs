// The client where the network fails: what was called is done once, errors say what to do, and nothing waits for ever.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:https';
import { createServer } from 'node:net';
import { call as callServer, serviceToken } from '../e2e/support/api.mjs';
import { Authority } from '../e2e/support/certificates.mjs';
import { freePort } from '../e2e/support/proxy.mjs';
import { useServer } from '../e2e/support/suite.mjs';
import { tokenFor } from '../e2e/support/tokens.mjs';
import { sleep, until } from '../e2e/support/wait.mjs';
import { FlakyProxy } from './support/flaky.mjs';
import { DISK, keyOf, Lines, nestOf } from './support/nest.mjs';
import { installPackage } from './support/package.mjs';

const HANDLERS = `
  local lectern = require "lectern"
  local M = {}
  function M.nap(seconds) lectern.sleep(seconds) return "awake" end
  function M.fails() error "boom" end
  function M.refuses(code) return nil, "not today", code end
  function M.count_up() lectern.state.counted = (lectern.state.counted or 0) + 1 return lectern.state.counted end
  function M.echo(...) return lectern.array { ... } end
  return M`;

const BUSY = { status: 503, headers: { 'content-type': 'application/json', 'retry-after': '1' }, body: '{"error":{"code":"busy","message":"too much","id":"r-1"}}' };
const LIMITED = { status: 429, headers: { 'content-type': 'application/json', 'retry-after': '1' }, body: '{"error":{"code":"rate_limited","message":"slower","id":"r-2"}}' };
const GATEWAY = { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad Gateway</h1>' };

let people = 0;
const noteFor = (userId) => ({ userId, type: 'T', title: 'Title', message: 'Message' });

describe('the client', () => {
  const room = useServer({ files: { 'handlers/zz_client.lua': HANDLERS }, env: DISK });
  let sdk;
  let nest;
  let key;
  let proxy;
  const client = (options) => new sdk.LecternClient({ url: proxy.url, apiKey: key, ...options });
  const stored = async (userId) => (await callServer(room, 'get_user_notifications', [userId])).body.result.notifications;
  const person = () => `person-${++people}`;

  before(async () => {
    await installPackage();
    nest = nestOf('nest11');
    ({ sdk } = nest);
    key = await keyOf(room);
    proxy = await FlakyProxy.start(room.server.port);
  });
  beforeEach(() => proxy.expect());
  after(() => proxy.stop());

  describe('does once what it is asked to do', () => {
    for (const plan of [['refuse'], ['drop'], ['lose'], ['cut'], [BUSY], [LIMITED], [GATEWAY], ['lose', 'drop', GATEWAY, 'lose']]) {
      it(`through ${plan.map((way) => way.status ?? way).join(', ')}`, async () => {
        const id = person();
        const heard = await room.join(id);
        proxy.expect(...plan);
        const sent = await client().call('createNotification', [noteFor(id)]);
        const list = await stored(id);
        assert.deepEqual(list.map((one) => one.id), [sent.id]);
        assert.deepEqual(heard.heard('notification').map((one) => one.id), [sent.id]);
        assert.equal(proxy.seen.length, plan.length + 1);
        const keys = new Set(proxy.seen.filter(({ way }) => way !== 'refuse').map((one) => one.key));
        assert.equal(keys.size, 1);
        assert.match([...keys][0], /^[0-9a-f-]{36}$/);
      });
    }

    it('when an attempt takes too long, and when the call is still being made', async () => {
      const id = person();
      proxy.expect('hang');
      await client({ attemptTimeout: 300 }).call('createNotification', [noteFor(id)]);
      assert.equal((await stored(id)).length, 1);
      proxy.expect();
      // Attempts that find it under way are no failed ones.
      const began = performance.now();
      assert.equal(await client({ attemptTimeout: 600, retries: 1 }).call('nap', [2.5]), 'awake');
      assert.ok(performance.now() - began >= 2400);
      assert.ok(proxy.seen.filter(({ status }) => status === 409).length >= 1, JSON.stringify(proxy.seen));
    });

    it('with a key of the caller, from whichever process', async () => {
      const id = person();
      const options = { idempotencyKey: `booking-${id}` };
      const first = await client().call('createNotification', [noteFor(id)], options);
      const again = await client().call('createNotification', [noteFor(id)], options);
      assert.equal(again.id, first.id);
      assert.equal((await stored(id)).length, 1);
      await assert.rejects(client().call('createNotification', [noteFor('another')], options), { code: 'conflict', status: 409, retryable: false });
      assert.equal(proxy.seen.length, 3);
      await assert.rejects(client().call('createNotification', [noteFor(id)], { idempotencyKey: 'with space' }), { code: 'invalid' });
    });

    it('across a restart of the server', async () => {
      const id = person();
      const calling = client().call('createNotification', [noteFor(id)]);
      await calling;
      const restarted = room.restart();
      await sleep(50);
      const [second] = await Promise.all([client({ url: room.url, timeout: 20_000, retries: 20 }).call('createNotification', [noteFor(id)]), restarted]);
      assert.ok(second.id);
      assert.equal((await stored(id)).length, 2);
    });

    it('in lists that are too long for one call', async () => {
      const id = person();
      const service = new sdk.NotificationService(client({ timeout: 60_000, attemptTimeout: 30_000 }));
      const list = Array.from({ length: 2500 }, (_, i) => ({ ...noteFor(i < 2400 ? `${id}-${i}` : id), data: { text: 'x'.repeat(400) } }));
      proxy.expect('pass', 'lose');
      assert.deepEqual(await service.createBulkNotifications(list), { count: 2500 });
      assert.ok(proxy.seen.length === 3, `${proxy.seen.length} requests`);
      assert.equal((await stored(id)).length, 20);
      const total = (await callServer(room, 'get_user_notifications', [id, 1, 100])).body.result.pagination.total;
      assert.equal(total, 100);
      assert.deepEqual(await service.createBulkNotifications([]), { count: 0 });
      const bad = Array.from({ length: 2001 }, () => noteFor(person()));
      bad[2000] = { userId: 'x' };
      await assert.rejects(service.createBulkNotifications(bad), { name: 'LecternError', code: 'invalid', message: /^2000 of 2001 notifications are sent; of those that follow: .*notification 1: message is missing/ });
    });

    it('in lists with many values, which the server counts', async () => {
      const service = new sdk.NotificationService(client({ timeout: 60_000, attemptTimeout: 30_000 }));
      const id = person();
      const list = Array.from({ length: 1500 }, () => ({ ...noteFor(id), data: { 'a "b", [c': Array(70).fill(1), none: [], empty: {} } }));
      assert.deepEqual(await service.createBulkNotifications(list), { count: 1500 });
      assert.equal(proxy.seen.length, 2);
    });

    it('with several functions in one request', async () => {
      const id = person();
      proxy.expect('lose');
      const [first, second, third] = await client().callMany([
        { call: 'createNotification', args: [noteFor(id)] },
        { call: 'refuses', args: ['forbidden'] },
        { call: 'getUnreadCount', args: [id] },
      ]);
      assert.equal(first.result.title, 'Title');
      assert.ok(second.error instanceof sdk.LecternError);
      assert.equal(second.error.code, 'forbidden');
      assert.equal(third.result, 1);
      assert.equal((await stored(id)).length, 1);
      assert.deepEqual(await client().callMany([]), []);
    });
  });

  it('sends no key with what only reads, and repeats it all the same', async () => {
    proxy.expect('lose', 'pass');
    assert.equal(await client().call('get_unread_count', ['nobody']), 0);
    assert.deepEqual(proxy.seen.map((one) => one.key), [undefined, undefined]);
  });

  it('repeats what must have no key only when it was not begun', async () => {
    proxy.expect('lose');
    const error = await client().call('countUp', [], { idempotencyKey: false }).catch((thrown) => thrown);
    assert.deepEqual([error.code, proxy.seen.length], ['unreachable', 1]);
    proxy.expect(LIMITED);
    assert.equal(await client().call('countUp', [], { idempotencyKey: false }), 2);
  });

  it('knows which functions read: all of them are the server’s', async () => {
    const { result } = await (await fetch(`${room.url}/api`, { headers: { authorization: `Bearer ${key}` } })).json();
    const names = result.functions.map((one) => one.camelCase);
    for (const name of names.filter((one) => /^(get|is|are|list|export)[A-Z]/.test(one))) {
      proxy.expect();
      await client().call(name, []).catch(() => undefined);
      assert.equal(proxy.seen[0].key, undefined, `${name} is sent with a key`);
    }
  });

  it('waits as the server asks, as long as there is time', async () => {
    proxy.expect({ ...BUSY, headers: { ...BUSY.headers, 'retry-after': '2' } });
    let began = performance.now();
    await client().call('echo', [1]);
    assert.ok(performance.now() - began >= 1990);
    proxy.expect({ ...BUSY, headers: { ...BUSY.headers, 'retry-after': '3600' } });
    began = performance.now();
    await assert.rejects(client().call('echo', [1]), { code: 'busy', status: 503, requestId: 'r-1', retryable: true });
    assert.ok(performance.now() - began < 1000, 'it waited in vain');
  });

  it('gives up after its time, its attempts, or when it is told to', async () => {
    proxy.expect('hang', 'hang', 'hang', 'hang');
    let began = performance.now();
    await assert.rejects(client({ timeout: 600, attemptTimeout: 250 }).call('echo', [1]), {
      code: 'timeout',
      retryable: true,
      message: /did not answer echo in 250 ms.*it may have been done/i,
    });
    assert.ok(performance.now() - began < 2000);

    proxy.expect(GATEWAY, GATEWAY, GATEWAY, GATEWAY);
    await assert.rejects(client({ retries: 2 }).call('echo', [1]), { code: 'unavailable', status: 502, message: /answered 502: a proxy in between/ });
    assert.equal(proxy.seen.length, 3);

    const control = new AbortController();
    setTimeout(() => control.abort(new Error('enough')), 100);
    began = performance.now();
    await assert.rejects(client().call('nap', [2], { signal: control.signal }), (error) => error.code === 'aborted' && !error.retryable && error.cause.message === 'enough');
    assert.ok(performance.now() - began < 1000);
    await assert.rejects(client().call('echo', [1], { signal: AbortSignal.abort() }), { code: 'aborted' });
    await assert.rejects(client().call('nap', [3], { timeout: 200 }), { code: 'timeout' });
  });

  it('does not repeat what would fail again', async () => {
    const cases = [
      ['fails', [], { code: 'internal_error', status: 500, retryable: false, message: /^fails: internal error/ }],
      ['refuses', ['invalid'], { code: 'invalid', status: 400 }],
      ['refuses', ['forbidden'], { code: 'forbidden', status: 403 }],
      ['refuses', ['exists'], { code: 'exists', status: 409 }],
      ['refuses', ['sold_out'], { code: 'sold_out', status: 422 }],
      ['createNotificatoin', [{}], { code: 'not_found', status: 404, message: /did you mean createNotification/ }],
      ['echo', ['x'.repeat(1_100_000)], { code: 'too_big', status: 413 }],
    ];
    for (const [fn, args, expected] of cases) {
      proxy.expect();
      const error = await client().call(fn, args).then(() => assert.fail('it worked'), (thrown) => thrown);
      assert.ok(error instanceof sdk.LecternError);
      for (const [name, value] of Object.entries(expected)) {
        if (value instanceof RegExp) assert.match(error[name], value);
        else assert.equal(error[name], value, `${fn} ${args}: ${name}`);
      }
      assert.ok(error.requestId, `${fn}: no request id`);
      assert.equal(error.call, fn);
      assert.equal(proxy.seen.length, 1);
    }
  });

  it('sends nothing that is no JSON, and waits no time that is none', async () => {
    await assert.rejects(client().call('echo', [1n]), { code: 'invalid', message: /^echo: its arguments are no JSON/ });
    await assert.rejects(client().call('echo', () => 1), { code: 'invalid', message: /^echo: its arguments are no JSON: a list or an object is needed/ });
    const list = [{ ...noteFor('joe'), data: 1n }];
    await assert.rejects(new sdk.NotificationService(client()).createBulkNotifications(list), { name: 'LecternError', code: 'invalid', message: /^createBulkNotifications: its arguments are no JSON/ });
    await assert.rejects(new sdk.RecordingLecternClient().call('echo', [1n]), { name: 'LecternError', code: 'invalid' });
    for (const timeout of [Infinity, NaN, -1, 0, 1.5, '5s', 2 ** 31]) {
      await assert.rejects(client().call('echo', [1], { timeout }), { code: 'invalid', message: `echo: timeout is ${timeout}; it must be a whole number of ms from 1 to 2147483647` });
    }
    assert.equal(proxy.seen.length, 0);
  });

  describe('says what is wrong with the set-up:', () => {
    const failing = (options) => client({ retries: 0, ...options }).call('echo', [1]).then(() => assert.fail('it worked'), (thrown) => thrown);

    it('the key', async () => {
      assert.match((await failing({ apiKey: 'lk_aaaaaaaaaa_0000000000000000000000000000000000000000000' })).message, /Is apiKey the whole line that "lectern key new NAME" printed/);
      assert.equal((await failing({ apiKey: 'nonsense' })).status, 401);
      const { message, status } = await failing({ apiKey: undefined, token: () => tokenFor('ada', { role: 'student' }) });
      assert.equal(status, 403);
      assert.match(message, /The token needs the role "service"/);
    });

    it('the address', async () => {
      const nowhere = await freePort();
      assert.match((await failing({ url: `http://127.0.0.1:${nowhere}` })).message, new RegExp(`^cannot connect to http://127.0.0.1:${nowhere}: nothing listens there.*ECONNREFUSED`));
      assert.match((await failing({ url: 'http://no-such-host.invalid' })).message, /cannot connect to http:\/\/no-such-host\.invalid: .*(ENOTFOUND|EAI_AGAIN)/);
      assert.match((await failing({ url: 'http://127.0.0.1:6000' })).message, /fetch never connects to this port/);
      assert.match((await failing({ url: `${room.url}/elsewhere` })).message, /there is no API at .*\/elsewhere\/api\/echo: is url right\?/);
      proxy.expect({ status: 301, headers: { location: 'https://school.example/api/echo' } });
      assert.match((await failing()).message, /sends on to https:\/\/school\.example\/api\/echo: give that as url/);
      proxy.expect({ status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Welcome</h1>' });
      assert.match((await failing()).message, /answered 200 text\/html, which is no answer of Lectern/);
    });

    it('a server that speaks no HTTP, or another TLS than is asked for', async () => {
      const babble = createServer((socket) => socket.on('error', () => undefined).end('220 mail.example ESMTP\r\n')).listen(0, '127.0.0.1');
      const authority = new Authority('strangers');
      const secure = createTlsServer(authority.issue('localhost'), (_, answer) => answer.end('{"result":1}')).listen(0, '127.0.0.1');
      try {
        await until(() => babble.address() && secure.address(), 'both listen');
        assert.match((await failing({ url: `http://127.0.0.1:${babble.address().port}` })).message, /HPE_|HTTP/);
        assert.match((await failing({ url: `https://127.0.0.1:${secure.address().port}` })).message, /has no certificate that this program trusts/);
        assert.match((await failing({ url: room.url.replace('http:', 'https:') })).message, /speaks no TLS: should the url begin with http:\/\/\?/);
      } finally {
        babble.close();
        secure.close();
        authority.remove();
      }
    });
  });

  describe('with tokens', () => {
    it('asks for one once, and anew when the server refuses it', async () => {
      let asked = 0;
      const tokens = [serviceToken('platform', { jti: 'one' }), serviceToken('platform', { jti: 'two' })];
      const own = client({ apiKey: undefined, token: async () => tokens[Math.min(asked++, 1)] });
      await Promise.all([own.call('echo', [1]), own.call('echo', [2])]);
      assert.equal(asked, 1);
      proxy.expect({ status: 401, headers: { 'content-type': 'application/json' }, body: '{"error":{"code":"unauthorized","message":"expired","id":"r-3"}}' });
      assert.deepEqual(await own.call('echo', [3]), [3]);
      assert.equal(asked, 2);
      assert.equal(new Set(proxy.seen.map((one) => one.key)).size, 1);
      assert.equal(new Set(proxy.seen.map((one) => one.authorization)).size, 2);
    });

    it('gives up when the new one is refused as well, or there is none', async () => {
      let asked = 0;
      await assert.rejects(client({ apiKey: undefined, token: () => `bad-${++asked}` }).call('echo', [1]), { code: 'unauthorized', status: 401 });
      assert.equal(asked, 2);
      const broken = client({ apiKey: undefined, token: async () => Promise.reject(new Error('the vault is closed')) });
      await assert.rejects(broken.call('echo', [1]), { code: 'bad_token', message: /the function token failed: the vault is closed/ });
      await assert.rejects(client({ apiKey: undefined, token: () => new Promise(() => undefined), timeout: 100 }).call('echo', [1]), { code: 'timeout' });
    });

    it('asks anew after one that never came', async () => {
      let asked = 0;
      const own = client({ apiKey: undefined, token: () => (++asked === 1 ? new Promise(() => undefined) : serviceToken()), attemptTimeout: 1000, timeout: 5000 });
      await assert.rejects(own.call('echo', [1]), { code: 'bad_token', message: 'the function token failed: it gave none in 1000 ms' });
      assert.deepEqual(await own.call('echo', [2]), [2]);
    });

    it('asks for the next one before the last one expires', async () => {
      let asked = 0;
      const own = client({ apiKey: undefined, token: () => tokenFor('platform', { role: 'service', exp: Math.floor(Date.now() / 1000) + (asked++ ? 3600 : 20) }) });
      await own.call('echo', [1]);
      await sleep(50);
      await own.call('echo', [2]);
      await own.call('echo', [3]);
      assert.equal(asked, 2);
    });
  });

  it('takes another fetch, and never writes a key into an error', async () => {
    const asked = [];
    const own = client({ fetch: (url, init) => (asked.push(String(url)), fetch(url, init)) });
    assert.deepEqual(await own.call('echo', [new Date(0), null]), ['1970-01-01T00:00:00.000Z', null]);
    assert.deepEqual(asked, [`${proxy.url}/api/echo`]);
    const error = await client({ url: `http://127.0.0.1:${await freePort()}`, retries: 0 }).call('echo', ['secret']).catch((thrown) => thrown);
    assert.ok(!JSON.stringify([error.message, error, String(error.cause)]).includes(key));
  });

  it('tells the log once of an outage, and when it is over', async () => {
    const lines = new Lines();
    nest.common.Logger.overrideLogger(lines);
    try {
      const own = client({ onError: 'log', retries: 0 });
      const service = new sdk.NotificationService(own);
      proxy.expect(GATEWAY, 'drop', GATEWAY);
      for (let i = 0; i < 3; i++) assert.equal((await service.createNotification(noteFor('joe'))).id, '');
      await service.createNotification(noteFor('joe'));
      await service.markAsRead('', 'joe');
      await service.markAsRead('', 'joe');
      assert.deepEqual(lines.all.map((line) => line.replace(/http:\S+/, 'URL')).filter((line) => /answers again/.test(line)), ['log the server answers again; 1 more calls had failed']);
      assert.equal(lines.all.filter((line) => line.includes('answered 502')).length, 1, lines.all.join('\n'));
      assert.equal(lines.all.filter((line) => line.includes('markAsRead: id must')).length, 1, lines.all.join('\n'));
      assert.equal(own.options.onError, 'log');
      await assert.rejects(own.call('refuses', ['invalid']), { code: 'invalid' });

      // One that comes and goes is one.
      lines.all = [];
      for (let i = 0; i < 5; i++) {
        proxy.expect(LIMITED);
        for (let k = 0; k < 2; k++) await service.getUnreadCount('joe');
      }
      assert.deepEqual(lines.all, ['error getUnreadCount: slower [rate_limited, request r-2]', 'log the server answers again']);
    } finally {
      nest.common.Logger.overrideLogger(false);
    }
  });
});
