// The command: what it says, how it ends. 0 done, 1 failed, 2 asked wrongly.
import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { ask } from './support/http.mjs';
import { Person } from './support/person.mjs';
import { EXAMPLE, lectern, Server } from './support/process.mjs';
import { RawWebSocket } from './support/raw.mjs';
import { Scripts } from './support/scripts.mjs';
import { SECRET, tokenFor } from './support/tokens.mjs';

const scripts = new Scripts({ example: false, handlers: [] });
after(() => scripts.remove());
const secret = { JWT_SECRET: SECRET };

async function complains(args, pattern, options) {
  const { code, stdout, stderr } = await lectern(args, options);
  assert.equal(code, 2, `${args.join(' ')}: ${stdout}${stderr}`);
  assert.match(stderr, pattern);
  assert.equal(stderr.trim().split('\n').length, 1, `one line:\n${stderr}`);
  assert.equal(stdout, '');
}

describe('help', () => {
  for (const args of [['--help'], ['-h'], ['serve', '--help'], ['check', '--help'], ['reload', '--help'], ['status', '--help'], ['drain', '--help'], ['token', '--help'], ['version', '--help']]) {
    it(args.join(' '), async () => {
      const { code, stdout, stderr } = await lectern(args);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /lectern/);
      assert.ok(stdout.length > 60);
      assert.equal(stderr, '');
    });
  }
  it('serve --help names the settings', async () => {
    const { stdout } = await lectern(['serve', '--help']);
    for (const name of ['--port', '--jwt-secret', 'JWT_SECRET', 'FRONTEND_URL', 'DEBUG', '--ping-interval', '--dev']) assert.ok(stdout.includes(name), name);
  });
  it('serve --help has its texts in one column', async () => {
    const { stdout } = await lectern(['serve', '--help']);
    const settings = stdout.slice(stdout.indexOf('\nWhere and for whom')).split('\n').filter((line) => line.startsWith('  '));
    assert.ok(settings.length > 100);
    for (const line of settings) assert.match(line, /^(.{33}  | {35})\S/);
  });
  it('version', async () => {
    const { code, stdout } = await lectern(['version']);
    assert.equal(code, 0);
    assert.match(stdout, /\d+\.\d+\.\d+/);
  });
});

describe('wrong use', () => {
  for (const [args, pattern] of [
    [[], /./],
    [['dance'], /dance/],
    [['serv'], /serve/],
    [['serve', scripts.dir, '--no-such-option'], /--no-such-option/],
    [['serve', scripts.dir, '--prot', '1'], /--port/],
    [['serve', scripts.dir, '--port'], /--port/],
    [['serve', scripts.dir, '--port', 'http'], /port/],
    [['serve', scripts.dir, '--port', '70000'], /port/],
    [['serve', scripts.dir, '--ping-interval', '-5'], /ping_interval|--ping-interval/],
    [['serve', scripts.dir, '--log-format', 'xml'], /text/],
    [['serve', scripts.dir, '--frontend-url', 'https://a.example, b.example'], /--frontend-url: "b\.example" is not allowed; it lacks a scheme: write https:\/\/b\.example\n/],
    [['serve', scripts.dir, 'and', 'another'], /./],
    [['serve', '/no/such/directory'], /\/no\/such\/directory/],
    [['token'], /--sub/],
    [['token', '--sub', ''], /sub/],
    [['version', 'now'], /now/],
  ]) {
    it(args.map((arg) => arg.replace(scripts.dir, 'DIR')).join(' ') || 'no arguments', () => {
      // Without arguments the help goes to stderr, however long.
      if (args.length > 0) return complains(args, pattern, { env: secret });
      return lectern(args).then(({ code }) => assert.equal(code, 2));
    });
  }

  it('serve without a secret says what to set', () => complains(['serve', scripts.dir, '--port', '0'], /JWT_SECRET/));
  it('serve with an empty secret, too', () => complains(['serve', scripts.dir, '--port', '0'], /JWT_SECRET/, { env: { JWT_SECRET: '' } }));
  it('serve with secret and key', () =>
    complains(['serve', scripts.dir, '--port', '0', '--jwt-public-key-file', '/dev/null'], /./, { env: secret }));
  it('a secret is not repeated in the complaint', async () => {
    const { code, stderr } = await lectern(['serve', scripts.dir, '--jwt-secret', 'hush hush', '--jwt-public-key-file', '/dev/null']);
    assert.equal(code, 2);
    assert.doesNotMatch(stderr, /hush/);
  });
  it('a wrong .env line is named', async () => {
    const bad = new Scripts({ example: false, handlers: [], files: { '.env': 'JWT_SECRET=x\nPORT=many\n' } });
    await complains(['serve', bad.dir], /\.env.*(2|PORT)/i);
    bad.remove();
  });
  it('a wrong lectern.lua setting is named', async () => {
    const bad = new Scripts({ example: false, handlers: [], files: { 'lectern.lua': 'return { prot = 1 }' } });
    await complains(['serve', bad.dir, '--port', '0'], /prot/, { env: secret });
    bad.remove();
  });
  for (const [text, pattern] of [
    ['jwt = "x"', /lectern\.lua: "jwt" is a table of settings: jwt = \{ secret = … \}/],
    ['limits = { events = { hand = "often" } }', /lectern\.lua: limits\.events has names of events with numbers/],
    ['limits = { events = { ["a,b"] = 1 } }', /limits\.events has names/],
    ['limits = { events = { hand = 0.5 } }', /limits\.events: "hand=0\.5,?" is not allowed; give events with how many a second/],
  ]) {
    it(`lectern.lua with ${text}`, async () => {
      const bad = new Scripts({ example: false, handlers: [], files: { 'lectern.lua': `return { ${text} }` } });
      await complains(['serve', bad.dir, '--port', '0'], pattern, { env: secret });
      bad.remove();
    });
  }
});

describe('settings', () => {
  // Each source sets what the next overrides.
  it('flags over environment over .env over lectern.lua', async () => {
    const layered = new Scripts({
      example: false,
      files: {
        'lectern.lua': 'return { host = "127.0.0.1", ping_interval = 1001, ping_timeout = 1001, max_http_buffer_size = 10001, path = "/one" }',
        '.env': '# shared\nexport JWT_SECRET="' + SECRET + '"\nLECTERN_PING_TIMEOUT=1002\nLECTERN_MAX_HTTP_BUFFER_SIZE=10002\nLECTERN_PATH=/two\nSOMETHING_ELSE=1\n',
      },
    });
    const server = await Server.start({
      dir: layered.dir,
      args: ['--path', '/four'],
      env: { JWT_SECRET: undefined, LECTERN_MAX_HTTP_BUFFER_SIZE: '10003', LECTERN_PATH: '/three' },
    });
    const open = await (await fetch(`${server.url}/four/?EIO=4&transport=polling`)).text();
    const { pingInterval, pingTimeout, maxPayload } = JSON.parse(open.slice(1));
    assert.deepEqual({ pingInterval, pingTimeout, maxPayload }, { pingInterval: 1001, pingTimeout: 1002, maxPayload: 10003 });
    const ada = new Person(server, 'ada', { path: '/four' });
    await ada.hear('connect');
    ada.close();
    await server.stop();
    layered.remove();
  });
  it('limits of events as a table, and a warning of what is none', async () => {
    const dir = new Scripts({ example: false, handlers: ['probe'], files: { 'lectern.lua': 'return { limits = { events = { echo = 1, ["with space"] = 2 }, burst = 1 } }', 'handlers/config.lua': 'local l = require "lectern" return { on_limits = function() return l.config.limits.events end }' } });
    const server = await Server.start({ dir: dir.dir, env: { LECTERN_PING_INTERVALL: '1' } });
    assert.match(server.log, /LECTERN_PING_INTERVALL in the environment is no setting, and has no effect; did you mean LECTERN_PING_INTERVAL\?/);
    const ada = new Person(server, 'ada');
    await ada.hear('connect');
    assert.deepEqual((await ada.ask('limits')).split(', ').sort(), ['echo=1', 'with space=2']);
    assert.equal(await ada.ask('echo', 1), 1);
    assert.equal((await ada.ask('echo', 1)).error.code, 'rate_limited');
    ada.close();
    await server.stop();
    dir.remove();
  });
  it('PORT from the environment', async () => {
    const server = await Server.start({ dir: scripts.dir });
    const { port } = server;
    await server.stop();
    const again = await Server.start({ dir: scripts.dir, port });
    assert.equal(again.port, port);
    const { code, stderr } = await lectern(['serve', scripts.dir, '--host', '127.0.0.1'], { env: { ...secret, PORT: String(port), LECTERN_DATABASE: 'memory:' } });
    assert.equal(code, 1, 'the port is taken');
    assert.match(stderr, new RegExp(`${port}`));
    await again.stop();
  });
  it('FRONTEND_URL decides which pages may connect', async () => {
    const server = await Server.start({ dir: scripts.dir, env: { FRONTEND_URL: 'https://lms.example' } });
    const from = (origin) => fetch(`${server.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin } });
    const good = await from('https://lms.example');
    assert.equal(good.headers.get('access-control-allow-origin'), 'https://lms.example');
    assert.equal(good.headers.get('access-control-allow-credentials'), 'true');
    assert.notEqual((await from('https://evil.example')).headers.get('access-control-allow-origin'), 'https://evil.example');
    await server.stop();
  });
  it('FRONTEND_URL names apps, files and all schools of a domain; who is refused is told of in the log', async () => {
    const server = await Server.start({ dir: scripts.dir, env: { FRONTEND_URL: 'https://*.lms.example:443/, file://, null, capacitor://localhost' } });
    const status = async (origin) => {
      const raw = await RawWebSocket.open(server.port, undefined, { Origin: origin });
      raw.destroy();
      return Number(raw.head.split(' ')[1]);
    };
    for (const origin of ['https://a.b.lms.example', 'file://', 'null', 'capacitor://localhost', 'wss://a.lms.example/']) {
      assert.equal(await status(origin), 101, origin);
      const { headers } = await ask(server, '/socket.io/?EIO=4&transport=polling', { headers: { origin } });
      assert.equal(headers['access-control-allow-origin'], origin);
      assert.equal(headers['access-control-allow-credentials'], 'true');
    }
    for (const origin of ['https://lms.example', 'http://a.lms.example', 'https://lms.example.evil']) assert.equal(await status(origin), 400, origin);
    for (let i = 0; i < 20; i++) await status(`https://evil${i}.example`);
    const lines = server.log.match(/refused a WebSocket of another site.*/g);
    assert.equal(lines.length, 5);
    assert.equal(lines[0], `refused a WebSocket of another site: Origin "https://lms.example", Host "127.0.0.1:${server.port}"; to allow it, name its origin in frontend_url (FRONTEND_URL)`);
    await server.stop();
  });
});

describe('token', () => {
  it('makes a token that gets in', async () => {
    const { code, stdout, stderr } = await lectern(['token', '--sub', 'ada', '--role', 'teacher', '--course', '7', '--course', '8'], { env: secret });
    assert.equal(code, 0, stderr);
    const token = stdout.trim();
    assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
    const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    assert.equal(claims.sub, 'ada');
    assert.equal(claims.role, 'teacher');
    assert.deepEqual(claims.courses, ['7', '8']);
    assert.ok(claims.exp > Date.now() / 1000 + 60);
    const probed = new Scripts({ example: false });
    const server = await Server.start({ dir: probed.dir });
    const ada = new Person(server, 'ada', { token });
    await ada.hear('connect');
    assert.equal((await ada.ask('who_am_i')).user.role, 'teacher');
    ada.close();
    await server.stop();
    probed.remove();
  });
  it('without a secret says what to set', async () => {
    const { code, stderr } = await lectern(['token', '--sub', 'ada'], { cwd: scripts.dir });
    assert.equal(code, 2);
    assert.match(stderr, /JWT_SECRET/);
  });
});

describe('check', () => {
  it('finds the example good', async () => {
    const { code, stderr } = await lectern(['check', EXAMPLE], { env: secret });
    assert.equal(code, 0, stderr);
  });
  it('names file and line of what is not', async () => {
    const bad = new Scripts({ example: false, handlers: [], files: { 'handlers/bad.lua': 'local M = {}\n\nfunction M.on_x( return M' } });
    const { code, stderr, stdout } = await lectern(['check', bad.dir], { env: secret });
    assert.equal(code, 1);
    assert.match(stderr + stdout, /bad\.lua:3/);
    bad.remove();
  });
  it('finds settings that do not go together, and misses no key', async () => {
    const { code, stderr } = await lectern(['check', EXAMPLE, '--no-polling', '--no-websocket']);
    assert.equal(code, 2);
    assert.match(stderr, /both off/);
    assert.equal((await lectern(['check', EXAMPLE])).code, 0);
    const bad = new Scripts({ example: false, handlers: [], files: { 'lectern.lua': 'return { app = 5 }' } });
    assert.equal((await lectern(['check', bad.dir])).code, 2);
    bad.remove();
  });
  it('starts no handlers', async () => {
    const loud = new Scripts({ example: false, handlers: [], files: { 'handlers/a.lua': 'return { on_start = function() error("started") end }' } });
    const { code } = await lectern(['check', loud.dir], { env: secret });
    assert.equal(code, 0);
    loud.remove();
  });
});

describe('serve', () => {
  it('refuses to start with a broken handler, and names it', async () => {
    const bad = new Scripts({ example: false, handlers: [], files: { 'handlers/bad.lua': 'return {' } });
    const { code, stderr } = await lectern(['serve', bad.dir, '--port', '0'], { env: secret });
    assert.equal(code, 1);
    assert.match(stderr, /bad\.lua:1/);
    bad.remove();
  });
  it('without any handlers lets people in', async () => {
    const empty = new Scripts({ example: false, handlers: [] });
    mkdirSync(`${empty.dir}/public`, { recursive: true });
    const server = await Server.start({ dir: empty.dir });
    const ada = new Person(server, 'ada');
    await ada.hear('connect');
    ada.close();
    await server.stop();
    empty.remove();
  });
  it('--dev makes a secret and prints tokens that get in', async () => {
    const server = await Server.start({ dir: EXAMPLE, args: ['--dev'], env: { JWT_SECRET: undefined, FRONTEND_URL: undefined } });
    const [token] = await server.logged(/[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}/);
    const page = new Person(server, 'dev', { token });
    await page.hear('connected');
    const stranger = new Person(server, 'stranger', { token: tokenFor('stranger') });
    await stranger.hear('connect_error');
    page.close();
    stranger.close();
    await server.stop();
  });
  it('serves the page of the example, and nothing above it', async () => {
    const server = await Server.start({ dir: EXAMPLE });
    const page = await fetch(`${server.url}/`);
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-type'), /^text\/html/);
    for (const path of ['/../lectern.lua', '/%2e%2e/lectern.lua', '/..%2flectern.lua', '/.env', '/nothing.html']) {
      assert.equal((await fetch(server.url + path)).status, 404, path);
    }
    await server.stop();
  });
});

describe('commands for a running server', () => {
  it('refuse the server of another directory, whose port happens to be the same', async () => {
    const other = new Scripts({ example: false });
    const link = path.join(other.dir, 'link');
    symlinkSync(scripts.dir, link);
    const server = await Server.start({ dir: scripts.dir });
    const port = ['--port', String(server.port)];
    for (const command of [['reload'], ['status'], ['drain', '0']]) {
      const { code, stderr } = await lectern([...command, other.dir, ...port]);
      assert.equal(code, 1);
      assert.ok(stderr.includes(`serves ${realpathSync(scripts.dir)}, not ${other.dir}`), stderr);
    }
    for (const dir of [scripts.dir, `${scripts.dir}/handlers/..`, link]) {
      assert.equal((await lectern(['reload', dir, ...port])).code, 0, dir);
    }
    await server.stop();
    other.remove();
  });

  it('ask one that gives no answer only once', async () => {
    const server = await Server.start({ dir: scripts.dir });
    await server.stop();
    let calls = 0;
    const mute = createServer((socket) => {
      calls++;
      socket.destroy();
    });
    await new Promise((resolve) => mute.listen(server.control, resolve));
    const { code, stderr } = await lectern(['status', scripts.dir, '--port', String(server.port)]);
    mute.close();
    assert.equal(code, 1);
    assert.match(stderr, /gave no answer/);
    assert.equal(calls, 1);
  });
});

describe('reload', () => {
  it('without a server says so', async () => {
    const server = await Server.start({ dir: scripts.dir });
    assert.equal((await server.reload()).code, 0);
    const { port } = server;
    await server.stop();
    const { code, stderr } = await lectern(['reload', '--port', String(port)]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`${port}`));
  });
});
