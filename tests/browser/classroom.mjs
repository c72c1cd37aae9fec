// The demo classroom in a real browser: a server, pages of people, a wire between them that can be cut or slow.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { after, afterEach, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EXAMPLE, Server } from '../e2e/support/process.mjs';
import { tokenFor } from '../e2e/support/tokens.mjs';
import { PATIENCE } from '../e2e/support/wait.mjs';
import { useChromium } from './chromium.mjs';

export const SCREENSHOTS = fileURLToPath(new URL('screenshots/', import.meta.url));
const browser = useChromium();
before(() => mkdirSync(SCREENSHOTS, { recursive: true }));

export function useClassroom() {
  const room = { server: null, contexts: [], problems: [] };
  before(async () => {
    // A page that is closed between two polls tells nobody: the heartbeat finds out, here soon.
    const heartbeat = ['--ping-interval', '2000', '--ping-timeout', String(5000 * PATIENCE)];
    const quick = ['--presence-grace', '300', '--typing-timeout', '600000', '--typing-interval', '100', '--jwt-leeway', '0'];
    room.server = await Server.start({ dir: EXAMPLE, args: [...quick, ...heartbeat, '--recovery-window', '120000'] });
  });
  afterEach(async () => {
    for (const context of room.contexts.splice(0)) await context.close();
    // Nothing may have gone wrong in the page's own code, nor come from elsewhere.
    assert.deepEqual(room.problems.splice(0), []);
  });
  after(() => room.server?.stop());

  room.blank = async (path = '/', { url = room.server.url, ...options } = {}) => {
    const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options });
    context.setDefaultTimeout(8000 * PATIENCE);
    room.contexts.push(context);
    const page = await context.newPage();
    page.on('pageerror', (error) => room.problems.push(`${error}`));
    page.on('request', (request) => {
      const { host, protocol } = new URL(request.url());
      if (protocol !== 'data:' && host !== new URL(url).host) room.problems.push(`asks ${request.url()}`);
    });
    await page.goto(url + path);
    return page;
  };
  // Opens the page as somebody and waits until the course is joined.
  room.open = async (id, { claims = {}, path = '/', course = 'demo', ...options } = {}) => {
    const page = await room.blank(`${path}#token=${tokenFor(id, { courses: [course], ...claims })}`, options);
    await page.getByText(`You are in course:${course}.`).waitFor();
    return page;
  };
  return room;
}

export const TEACHER = { claims: { role: 'teacher', name: 'Tess Teacher' } };

// A wire between page and server, `delay` ms long each way, that can be cut.
export async function wire(t, port, { delay = 0 } = {}) {
  const ends = new Set();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]]) {
      ends.add(from);
      from.on('data', (bytes) => setTimeout(() => to.destroyed || to.write(bytes), delay));
      from.on('error', () => {}).on('close', () => setTimeout(() => to.destroy(), delay));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const end of ends) end.destroy();
    ends.clear();
  };
  t.after(() => {
    cut();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, cut };
}
