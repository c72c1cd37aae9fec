// The Socket.IO client as a browser gets it from the server, and what the browser then does: each bundle runs,
// compressed polls arrive, the cookie goes back.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { useServer } from '../e2e/support/suite.mjs';
import { tokenFor } from '../e2e/support/tokens.mjs';
import { PATIENCE } from '../e2e/support/wait.mjs';
import { useChromium } from './chromium.mjs';

const TEXT = 'light bends because it is slower in glass. '.repeat(2000);
const page = (script) => `<!doctype html><title>client</title>${script}`;
const classic = (name) => page(`<script src="/socket.io/${name}"></script>`);

const files = {
  'public/plain.html': classic('socket.io.js'),
  'public/min.html': classic('socket.io.min.js'),
  'public/msgpack.html': classic('socket.io.msgpack.min.js'),
  'public/module.html': page('<script type="module">import { io } from "/socket.io/socket.io.esm.min.js"; window.io = io;</script>'),
};

describe('the client in a browser', () => {
  const room = useServer({ files, args: ['--cookie', 'io'] });
  const browser = useChromium();
  const contexts = [];
  after(() => Promise.all(contexts.map((context) => context.close())));

  // Opens a page that has loaded `io`; `answers` gathers those of the server to polls.
  const open = async (name) => {
    const context = await browser.newContext();
    context.setDefaultTimeout(8000 * PATIENCE);
    contexts.push(context);
    const tab = await context.newPage();
    const problems = [];
    const answers = [];
    tab.on('pageerror', (error) => problems.push(String(error)));
    tab.on('response', (response) => response.url().includes('transport=polling') && answers.push(response));
    await tab.goto(`${room.server.url}/${name}.html`);
    await tab.waitForFunction(() => typeof window.io === 'function');
    return { tab, context, answers, problems };
  };
  // Connects, and has a text echoed.
  const talk = (tab, transports, text = TEXT) =>
    tab.evaluate(
      async ({ token, transports, text }) => {
        const socket = window.io({ auth: { token }, transports });
        await new Promise((resolve, reject) => socket.on('connect', resolve).on('connect_error', reject));
        const came = await socket.emitWithAck('echo', text);
        const { name } = socket.io.engine.transport;
        socket.disconnect();
        return { name, same: came === text };
      },
      { token: tokenFor('ada'), transports, text },
    );

  for (const name of ['plain', 'min', 'module']) {
    for (const transport of ['polling', 'websocket']) {
      it(`talks (${name}, ${transport})`, async () => {
        const { tab, problems } = await open(name);
        assert.deepEqual(await talk(tab, [transport]), { name: transport, same: true });
        assert.deepEqual(problems, []);
      });
    }
  }

  it('loads the bundle for msgpack', async () => {
    const encodes = (tab) => tab.evaluate(() => typeof window.io({ autoConnect: false }).io.encoder.encode({ type: 0, nsp: '/' })[0]);
    const { tab, problems } = await open('msgpack');
    assert.equal(await encodes(tab), 'object', 'to bytes');
    assert.deepEqual(problems, []);
    assert.equal(await encodes((await open('min')).tab), 'string');
  });

  it('gets it compressed, and once', async () => {
    const { tab } = await open('min');
    const timing = () => tab.evaluate(() => {
      const [entry] = performance.getEntriesByType('resource').filter((one) => one.name.endsWith('socket.io.min.js'));
      return { encoded: entry.encodedBodySize, decoded: entry.decodedBodySize, transfer: entry.transferSize };
    });
    const first = await timing();
    assert.ok(first.encoded < first.decoded / 2.5, JSON.stringify(first));
    await tab.reload();
    await tab.waitForFunction(() => typeof window.io === 'function');
    const again = await timing();
    assert.ok(again.transfer < 1000, `a 304: ${JSON.stringify(again)}`);
  });

  it('gets large polls compressed', async () => {
    const { tab, answers } = await open('min');
    assert.deepEqual(await talk(tab, ['polling']), { name: 'polling', same: true });
    const codings = await Promise.all(answers.map((answer) => answer.headerValue('content-encoding')));
    assert.ok(codings.includes('gzip'), 'the echo');
    assert.ok(codings.includes(null), 'the handshake');
  });

  it('gives the cookie back', async () => {
    const { tab, context, answers } = await open('min');
    await talk(tab, ['polling'], 'hi');
    const [cookie] = await context.cookies();
    const { name, value, httpOnly, sameSite, secure, path } = cookie;
    assert.deepEqual({ name, httpOnly, sameSite, secure, path }, { name: 'io', httpOnly: true, sameSite: 'Lax', secure: false, path: '/' });
    const sent = await Promise.all(answers.slice(1).map((answer) => answer.request().headerValue('cookie')));
    assert.ok(sent.length > 0 && sent.every((one) => one === `io=${value}`), sent.join());
  });
});
