// A new user's walk: a clone of the project, the package installed from it and the platform's old gateway replaced as
// its README says, word for word; then a notification that the platform sends is seen in a browser.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { useChromium } from '../browser/chromium.mjs';
import { Person } from '../e2e/support/person.mjs';
import { lectern, ROOT, Server } from '../e2e/support/process.mjs';
import { tokenFor } from '../e2e/support/tokens.mjs';
import { PATIENCE, until } from '../e2e/support/wait.mjs';

const BEFORE = fileURLToPath(new URL('walk-app/', import.meta.url));
const browser = useChromium();

describe("a new user's walk", () => {
  const home = mkdtempSync(path.join(tmpdir(), 'lectern-walk-'));
  const clone = path.join(home, 'lectern');
  const platform = path.join(home, 'platform');
  const { PATH, HOME } = process.env;
  const running = new Set();
  let server;
  let readme;

  after(async () => {
    for (const child of running) child.kill('SIGKILL');
    await server?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  // What npm has fetched before it takes from its cache; what it cannot get it says, and the test fails with its words.
  const ways = Object.entries(process.env).filter(([name]) => /^npm_config_|^(https?|no)_proxy$|^(NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$/i.test(name));
  const env = { PATH, HOME, ...Object.fromEntries(ways), npm_config_prefer_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false', npm_config_fetch_retries: '1' };
  const run = (command, cwd) =>
    promisify(execFile)('sh', ['-e', '-c', command], { cwd, env, timeout: 120_000 * PATIENCE, maxBuffer: 1e8 }).catch((error) =>
      assert.fail(`this step of the walk failed:\n$ ${command.trim()}\n${error.stderr}${error.stdout}`));
  // A code block of a section of the README.
  function blocks(heading, language) {
    const section = readme.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
    assert.ok(section, `examples/nestjs/README.md has no "${heading}"`);
    return [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, kind]) => kind === language).map(([, , text]) => text);
  }
  // The platform's back end; gives its address.
  async function start(more = {}) {
    const child = spawn('npm', ['start', '--silent'], { cwd: platform, env: { ...env, ...more }, detached: true });
    const end = (signal) => process.kill(-child.pid, signal); // npm does not hand all signals on
    const one = { kill: end };
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
    const ended = new Promise((resolve) => child.once('close', resolve)).then(() => running.delete(one));
    running.add(one);
    await until(() => said.includes('\n') || child.exitCode !== null, 'the platform listens', 20_000);
    assert.match(said, /^http:\/\/\S+\n$/);
    return { url: said.trim(), stop: () => (end('SIGTERM'), ended) };
  }
  const post = async (url, body = {}) => {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    assert.equal(response.status, 201, await response.clone().text());
    return response.text();
  };

  before(async () => {
    await run(`git clone --quiet --no-hardlinks '${ROOT}' '${clone}'`, home);
    readme = readFileSync(path.join(clone, 'examples/nestjs/README.md'), 'utf8');
    cpSync(BEFORE, platform, { recursive: true, filter: (file) => path.basename(file) !== 'node_modules' });
    await run('npm ci', platform);
  });

  it('starts with a platform that has a gateway of its own', async () => {
    await run('npm run build -- --noCheck', platform);
    const { url, stop } = await start();
    const lee = new Person({ url }, 'lee');
    await lee.hear('connected');
    await post(`${url}/bookings/7/accept`, { learnerId: 'lee' });
    assert.equal((await lee.hear('notification')).title, 'Your booking is accepted');
    lee.close();
    await stop();
  });

  it('replaces it by ten lines, and a notification is seen in the browser', async () => {
    const [install, ...others] = blocks('Install', 'sh');
    assert.deepEqual(others, []);
    await run(install, platform);
    const files = blocks('In place of the old gateway', 'ts').map((text) => [/^\/\/ (src\/\S+\.ts)\n/.exec(text)[1], text]);
    const lines = files.flatMap(([, text]) => text.split('\n')).filter((line) => line && !line.startsWith('//'));
    assert.ok(lines.length <= 10, `${lines.length} lines`);
    for (const [file, text] of files) writeFileSync(path.join(platform, file), text);
    await run('npm uninstall @nestjs/websockets @nestjs/platform-socket.io && npm run build', platform);

    server = await Server.start({ dir: path.join(clone, 'examples/elearning'), env: { STATE_DIRECTORY: path.join(home, 'state') } });
    const { stdout: key } = await lectern(['key', 'new', 'platform', '--port', String(server.port)]);
    const { url, stop } = await start({ LECTERN_URL: server.url, LECTERN_KEY: key.trim() });

    const context = await browser.newContext({ viewport: { width: 1360, height: 900 } });
    context.setDefaultTimeout(8000 * PATIENCE);
    const page = await context.newPage();
    const problems = [];
    page.on('pageerror', (error) => problems.push(`${error}`));
    await page.goto(`${server.url}/#token=${tokenFor('lee', { courses: ['demo'], name: 'Lee Learner' })}`);
    await page.getByText('You are in course:demo.').waitFor();
    await page.getByRole('button', { name: /Notifications, none unread/ }).waitFor();

    const { notificationId } = JSON.parse(await post(`${url}/bookings/7/accept`, { learnerId: 'lee' }));
    await page.getByRole('button', { name: /Notifications, 1 unread/ }).click();
    await page.locator('#notification-list').getByText('Your booking is accepted').waitFor();
    await page.locator('#notification-list').getByText('See you on Monday at ten.').waitFor();
    assert.ok(notificationId);
    await page.keyboard.press('Escape');
    // It is kept: it is there again after a reload.
    await page.reload();
    await page.getByRole('button', { name: /Notifications, 1 unread/ }).waitFor();
    // What the platform tells by EventEmitter2 arrives as well.
    await post(`${url}/bookings/closed`);
    await page.getByText('No bookings today').first().waitFor();
    assert.deepEqual(problems, []);
    await context.close();
    await stop();
  });
});
