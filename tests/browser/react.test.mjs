// The React example (examples/react) in a real browser, as Vite's dev server gives it, where StrictMode mounts each
// component twice, and as it is built: with the guide's hook, byte for byte.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { call } from '../e2e/support/api.mjs';
import { status } from '../e2e/support/hostile.mjs';
import { Person } from '../e2e/support/person.mjs';
import { EXAMPLE, ROOT, Server } from '../e2e/support/process.mjs';
import { inSeconds, tokenFor } from '../e2e/support/tokens.mjs';
import { PATIENCE, until } from '../e2e/support/wait.mjs';
import { useChromium } from './chromium.mjs';

const REACT = path.join(ROOT, 'examples/react');
const SCREENSHOTS = fileURLToPath(new URL('screenshots/', import.meta.url));
const [major, minor] = process.versions.node.split('.').map(Number);
const skip = major * 100 + minor < 2019 && `Vite 8 needs Node 20.19 or newer, and this is ${process.version}`;

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createTcpServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

// A page that is closed between two polls tells nobody, and a client that is closed before its handshake is answered
// does not either (it joins nothing): the server finds out by time, here soon.
const QUICK = ['--ping-interval', '2000', '--ping-timeout', String(5000 * PATIENCE), '--connect-timeout', String(1000 * PATIENCE), '--drain-timeout', '1000'];

// What the browser says by itself of requests that nobody answers, or 503, while the server goes and is away, and of
// what the client leaves unfinished when it is refused.
const BY_ITSELF = /net::ERR_CONNECTION_REFUSED|net::ERR_CONNECTION_RESET|net::ERR_EMPTY_RESPONSE|status of (400|503)|WebSocket connection to .* failed/;

// Counts, in the page: the client's WebSockets that are open (Vite has one, too), and listeners of window and document.
function count() {
  const { WebSocket } = window;
  const counts = { sockets: 0, listeners: 0 };
  window.counts = counts;
  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      if (!String(args[0]).includes('/socket.io/')) return;
      this.addEventListener('open', () => counts.sockets++);
      this.addEventListener('close', () => counts.sockets--);
    }
  };
  for (const target of [window, document]) {
    const { addEventListener, removeEventListener } = target;
    target.addEventListener = (...args) => {
      counts.listeners++;
      return addEventListener.apply(target, args);
    };
    target.removeEventListener = (...args) => {
      counts.listeners--;
      return removeEventListener.apply(target, args);
    };
  }
}

describe('the React example', { skip }, () => {
  const browser = skip ? undefined : useChromium();
  const dir = mkdtempSync(path.join(tmpdir(), 'lectern-react-'));
  const people = [];
  const contexts = [];
  const serving = { dir: EXAMPLE, args: [] };
  let server, vite, pages;

  before(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    const [port, own] = await Promise.all([freePort(), freePort()]);
    const dev = `http://127.0.0.1:${port}`;
    const dist = path.join(dir, 'dist');
    mkdirSync(dist);
    serving.port = own;
    serving.args = ['--public-dir', dist, '--frontend-url', dev, '--jwt-leeway', '0', '--jwt-warn', '2', '--presence-grace', '300', ...QUICK];
    server = await Server.start(serving);
    pages = { dev, built: server.url };

    process.env.VITE_LECTERN_URL = server.url;
    process.env.VITE_TOKEN_URL = '/token';
    const { build, createServer } = await import(pathToFileURL(path.join(REACT, 'node_modules/vite/dist/node/index.js')));
    const config = { configFile: path.join(REACT, 'vite.config.ts'), cacheDir: path.join(dir, 'cache'), logLevel: 'error' };
    vite = await createServer({ ...config, server: { host: '127.0.0.1', port, strictPort: true, watch: null } });
    await vite.listen();
    await build({ ...config, build: { outDir: dist, emptyOutDir: true } });
  });
  afterEach(async () => {
    for (const person of people.splice(0)) person.close();
    for (const context of contexts.splice(0)) await context.close();
  });
  after(async () => {
    await vite?.close();
    await server?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const join = async (id, claims) => {
    const person = new Person(server, id, { claims });
    people.push(person);
    await person.admitted();
    await person.hear('connected');
    assert.equal((await person.ask('join_room', { room: 'course:demo' })).ok, true);
    return person;
  };
  const restart = async () => {
    await server.stop();
    server = await Server.start(serving);
  };
  // Engine.IO sessions, and sockets in the main namespace, as the server counts them.
  const connected = async () => {
    const { sessions, namespaces } = await status(server);
    return { sessions: sessions.polling + sessions.websocket, sockets: namespaces['/'].sockets };
  };
  const counted = async (name) => (await status(server)).counters[name].total;
  const settled = (n, what) => until(async () => (await connected()).sessions === n, what).catch(async (error) => assert.fail(`${error}: ${JSON.stringify(await connected())}`));

  // Opens the page as somebody. newToken: what the app's back end gives who asks for another token.
  const open = async (url, { token, newToken, mayBeRefused = false, ...options } = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(8000 * PATIENCE);
    contexts.push(context);
    const page = await context.newPage();
    const problems = [];
    let asked = 0;
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      const text = `${message.type()}: ${message.text()}`;
      if (['error', 'warning'].includes(message.type()) && !(mayBeRefused && BY_ITSELF.test(text))) problems.push(text);
    });
    await context.route('**/token', (route) => {
      asked++;
      return route.fulfill({ json: { token: newToken() } });
    });
    await page.addInitScript(count);
    await page.goto(token === undefined ? url : `${url}/#token=${token}`);
    const logIn = async (text) => {
      await page.getByLabel('Token').fill(text);
      await page.getByRole('button', { name: 'Log in' }).click();
    };
    const state = async (text) => {
      const shown = page.getByRole('status').filter({ hasText: text });
      await shown.waitFor().catch(async (error) => assert.fail(`${error}\n${await page.locator('body').innerText()}\n${problems.join('\n')}`));
    };
    return { page, problems, asked: () => asked, logIn, state };
  };

  it('has the hook of the guide, byte for byte', () => {
    const guide = readFileSync(path.join(ROOT, 'tests/e2e/guide/use-websocket.tsx'));
    assert.ok(readFileSync(path.join(REACT, 'src/useWebSocket.ts')).equals(guide));
  });

  it('is right in the eyes of TypeScript', async () => {
    const compiler = path.join(REACT, 'node_modules/typescript/bin/tsc');
    const { stdout } = await promisify(execFile)(process.execPath, [compiler, '-p', REACT]).catch((error) => error);
    assert.equal(stdout, '');
  });

  it('has one connection, though StrictMode mounts it twice', async () => {
    await settled(0, 'nobody is there');
    const before = await counted('sessions_opened');
    const { page, problems, state } = await open(pages.dev, { token: tokenFor('fred') });
    await state('Connected');
    assert.equal((await connected()).sockets, 1);
    await settled(1, 'the other one is gone');
    assert.equal((await connected()).sockets, 1);
    assert.equal(await page.evaluate(() => window.counts.sockets), 1, 'WebSockets');
    assert.equal((await counted('sessions_opened')) - before, 2, 'it was mounted twice');
    assert.deepEqual(problems, []);
  });

  it('leaks neither connections nor listeners, when it comes and goes fifty times', async () => {
    const { page, problems } = await open(pages.dev);
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    const mounts = (times, token) =>
      page.evaluate(
        async ({ times, token }) => {
          const { mount } = await import('/src/mount.tsx');
          for (let i = 0; i < times; i++) {
            const element = document.body.appendChild(document.createElement('div'));
            const unmount = mount(element, token);
            await new Promise((resolve) => setTimeout(resolve, (i % 3) * 25)); // before, while and after it connects
            unmount();
            element.remove();
          }
          await new Promise((resolve) => setTimeout(resolve, 50));
          return { ...window.counts };
        },
        { times, token },
      );
    const first = await mounts(3, tokenFor('gina')); // what is made once is made
    const last = await mounts(50, tokenFor('gina'));
    assert.ok(last.listeners <= first.listeners + 1, `${first.listeners} listeners, then ${last.listeners}`);
    await settled(0, 'no connection is left');
    await until(() => page.evaluate(() => window.counts.sockets === 0), 'no WebSocket is left');
    assert.deepEqual(problems, []);
  });

  it('leaks no listeners of a living socket, when a course comes and goes', async () => {
    const { page, problems, state } = await open(pages.dev, { token: tokenFor('hugo') });
    await state('Connected');
    const listeners = () =>
      page.evaluate(() => Object.values(window.lecternSocket._callbacks).reduce((sum, list) => sum + list.length, 0));
    await page.getByText('1 here').waitFor();
    const before = await listeners();
    for (let i = 0; i < 10; i++) {
      await page.getByRole('button', { name: 'Leave' }).click();
      await page.getByRole('button', { name: 'Join' }).click();
    }
    await page.getByText('1 here').waitFor();
    assert.equal(await listeners(), before);
    assert.deepEqual((await call(server, 'getRoomUsers', ['course:demo'])).body.result, ['hugo']);
    assert.deepEqual(problems, []);
  });

  for (const kind of ['dev', 'built']) {
    it(`shows notifications, the badge, and what is said and typed in a course (${kind})`, async () => {
      const tess = await join('tess', { role: 'teacher' });
      await call(server, 'createNotification', [{ userId: `ada-${kind}`, title: 'Welcome', message: 'Good to have you', priority: 'HIGH' }]);
      const { page, problems, state } = await open(pages[kind], { token: tokenFor(`ada-${kind}`) });
      await state('Connected');
      assert.equal(new URL(page.url()).hash, '', 'the token is out of the address');
      await page.getByRole('button', { name: 'Notifications, 1 unread' }).waitFor();
      await page.getByText('2 here').waitFor();

      await tess.ask('discussion_message', { room: 'course:demo', content: `Who has read chapter 3? (${kind})` });
      await page.getByText(`Who has read chapter 3? (${kind})`).waitFor();
      tess.emit('typing_start', { room: 'course:demo' });
      await page.getByText('tess is typing…').waitFor();
      await page.getByLabel('Message').pressSequentially(`I have (${kind})`);
      await tess.hear('typing_indicator', ({ isTyping }) => isTyping);
      await page.getByRole('button', { name: 'Send' }).click();
      await tess.hear('discussion_message', ({ content }) => content === `I have (${kind})`);
      await page.getByText(`I have (${kind})`).waitFor();

      await call(server, 'createNotification', [{ userId: `ada-${kind}`, title: 'New lesson', message: 'Module 4 is there' }]);
      const bell = page.getByRole('button', { name: 'Notifications, 2 unread' });
      await bell.waitFor();
      await page.setViewportSize({ width: 390, height: 844 });
      await page.screenshot({ path: path.join(SCREENSHOTS, `react_${kind}_phone.png`) });
      await page.setViewportSize({ width: 1280, height: 800 });
      await bell.click();
      await page.screenshot({ path: path.join(SCREENSHOTS, `react_${kind}_desktop.png`) });
      await page.getByRole('button', { name: 'Welcome' }).click();
      await page.getByRole('button', { name: 'Notifications, 1 unread' }).waitFor();
      await page.getByRole('button', { name: 'Mark all as read' }).click();
      await page.getByRole('button', { name: 'Notifications, 0 unread' }).waitFor();
      assert.deepEqual(problems, []);
    });
  }

  it('renews its token on the living connection, and comes back with the new one', async () => {
    const before = await counted('tokens_refreshed');
    const kinds = ['dev', 'built'];
    const renewed = kinds.map(async (kind) => {
      const person = `cleo-${kind}`;
      const opened = await open(pages[kind], { newToken: () => tokenFor(person), mayBeRefused: true });
      const { page, asked, logIn, state } = opened;
      await page.getByRole('heading', { name: 'Log in' }).waitFor();
      const expiry = inSeconds(4);
      await logIn(tokenFor(person, { exp: expiry }));
      await state('Connected');
      await page.getByText(/^\d here$/).waitFor();
      const changes = await page.evaluateHandle(() => {
        const seen = [];
        const node = document.querySelector('[role=status]');
        new MutationObserver(() => seen.push(node.textContent)).observe(node, { characterData: true, childList: true, subtree: true });
        return seen;
      });
      await until(() => Date.now() / 1000 > expiry + 0.5, 'the first token expires');
      assert.deepEqual(await changes.jsonValue(), [], `${kind}: it was connected all the time`);
      assert.equal(asked(), 1);
      return opened;
    });
    const all = await Promise.all(renewed);
    assert.equal((await counted('tokens_refreshed')) - before, 2);
    assert.equal(await counted('sockets_expired'), 0);

    await restart();
    const back = async () => (await call(server, 'getRoomUsers', ['course:demo'])).body.result.length === 2;
    await until(back, 'both are back in the course', 10_000);
    for (const { asked, problems, state } of all) {
      await state('Connected');
      assert.equal(asked(), 1, 'by the token that it has already');
      assert.deepEqual(problems, []);
    }
  });

  it('gets a new token when it comes back with one that has expired', async () => {
    let token; // which the app's back end gives again and again while it is good
    const { problems, asked, logIn, state } = await open(pages.built, { newToken: () => token, mayBeRefused: true });
    const expiry = inSeconds(3);
    token = tokenFor('dora', { exp: expiry });
    await logIn(token);
    await state('Connected');
    await server.stop();
    await state('Connecting…');
    await until(() => Date.now() / 1000 > expiry, 'the token expires');
    const before = asked();
    assert.ok(before <= 4, `a token that is no newer is no reason to hurry: ${before}`);
    token = tokenFor('dora');
    server = await Server.start(serving);
    await until(async () => (await call(server, 'isUserConnected', ['dora'])).body.result, 'it is back', 10_000);
    await state('Connected');
    assert.equal(asked(), before + 1);
    assert.deepEqual(problems, []);
  });

  it('asks once when new tokens are refused, too, and says that it is logged out', async () => {
    const { page, problems, asked, state } = await open(pages.built, { token: 'nonsense', newToken: () => 'nonsense', mayBeRefused: true });
    await state('Logged out');
    await page.getByRole('alert').waitFor();
    assert.equal(asked(), 1);
    await page.getByRole('alert').getByRole('button', { name: 'Log in' }).click();
    await page.getByLabel('Token').fill(tokenFor('elle'));
    await page.getByRole('button', { name: 'Log in' }).click();
    await state('Connected');
    assert.deepEqual(problems, []);
  });
});
