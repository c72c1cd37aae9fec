// HTTP clients of other languages, as they come: what each sends by default, and with bodies whose length it does not
// know. Each asks for a page, and has a session by polling that joins and gets an ack, so that its bodies are read.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { useServer } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { within } from './support/wait.mjs';

const client = (name) => fileURLToPath(new URL(`clients/${name}`, import.meta.url));
const java = ['java', '-XX:TieredStopAtLevel=1', client('Client.java')];
const php = ['php', client('client.php')];
const python = ['/usr/bin/python3', client('client.py')];
const curl = [client('client.sh')];

const CLIENTS = {
  'Java, HttpClient, which offers h2c': [...java, 'text'],
  'Java, HttpClient, a body of unknown length': [...java, 'chunked'],
  'PHP, curl': [...php, 'curl'],
  'PHP, curl, a body in chunks': [...php, 'curl-chunked'],
  'PHP, file_get_contents': [...php, 'streams'],
  'PHP, file_get_contents by HTTP/1.0': [...php, 'streams-1.0'],
  'Python, requests, a body from a generator': [...python, 'requests'],
  'Python, http.client, a body in chunks': [...python, 'http.client'],
  'Python, aiohttp, a body from a generator': [...python, 'aiohttp'],
  'curl --http2': [...curl, 'http2'],
  'curl -T -': [...curl, 'upload'],
  'curl -T - that waits for 100 Continue': [...curl, 'upload-patiently'],
  'curl --http1.0': [...curl, 'http1.0'],
};

const PAGE = '<!doctype html><title>ÄÖÜ</title>\n';
const VALUES = ['hello', 'ÄÖÜ € 👩‍🏫', 'x'.repeat(70_000)];

// Runs a client: [{ status, body }] of all that it asked for. No proxy of the caller's environment is in between.
async function run([command, ...args], url, connect, event) {
  const { PATH, HOME, TMPDIR = '/tmp' } = process.env;
  const child = spawn(command, [...args.slice(0, -1), url, args.at(-1), connect], { stdio: 'pipe', env: { PATH, HOME, TMPDIR } });
  let out = '', errors = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
    if (/^(?!200 ).*\n/m.test(out)) child.kill(); // it would poll for nothing
  });
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
  child.stdin.on('error', () => {}); // it may have failed before
  child.stdin.end(event);
  const ended = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  const code = await within(30_000, ended, () => `it does not end: ${out}${errors}`).finally(() => child.kill('SIGKILL'));
  assert.equal(code, 0, `${out.slice(0, 1000)}${errors}`);
  return out.trim().split('\n').map((line) => {
    const [status, body = ''] = line.split(' ');
    return { status: Number(status), body: Buffer.from(body, 'base64').toString() };
  });
}

describe('a client in another language', { concurrency: 4 }, () => {
  const room = useServer({ example: false, files: { 'public/page.html': PAGE } });

  for (const [what, command] of Object.entries(CLIENTS)) {
    it(what, async () => {
      const connect = `40${JSON.stringify({ token: tokenFor('ada') })}`;
      const answers = await run(command, room.url, connect, VALUES.map((value, i) => `42${i}${JSON.stringify(['echo', value])}`).join('\x1e'));
      assert.deepEqual(answers.map(({ status }) => status), Array(7).fill(200), JSON.stringify(answers).slice(0, 2000));
      const [health, page, open, connected, connection, posted, acks] = answers.map(({ body }) => body);
      assert.equal(JSON.parse(health).status, 'ok');
      assert.equal(page, PAGE);
      assert.match(open, /^0\{"sid":"[\w-]{20}"/);
      assert.deepEqual([connected, posted], ['ok', 'ok']);
      assert.match(connection, /^40\{"sid":"[\w-]{20}"\}$/);
      assert.deepEqual(acks.split('\x1e'), VALUES.map((value, i) => `43${i}${JSON.stringify([value])}`));
    });
  }
});
