// The README's callers, run as they stand there: the same call from five languages makes one notification.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { call } from './support/api.mjs';
import { lectern, ROOT } from './support/process.mjs';
import { useServer } from './support/suite.mjs';
import { within } from './support/wait.mjs';

const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
const section = readme.slice(readme.indexOf('## What a back end does'), readme.indexOf('### Routes'));
const snippets = Object.fromEntries([...section.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, language, text]) => [language, text]));

const RUN = {
  sh: ['call.sh', 'sh'],
  js: ['call.mjs', 'node'],
  python: ['call.py', '/usr/bin/python3'],
  php: ['call.php', 'php'],
  java: ['Call.java', 'java', '-XX:TieredStopAtLevel=1', '-Dfile.encoding=UTF-8'],
};
const IMPORTS = ['java.io.*', 'java.net.*', 'java.net.http.*', 'java.net.http.HttpRequest.BodyPublishers', 'java.net.http.HttpResponse.BodyHandlers', 'java.time.*'];
// What a file of Java needs around a method.
const whole = (language, text) =>
  language === 'java' ? `${IMPORTS.map((name) => `import ${name};\n`).join('')}class Call {\npublic static ${text.replace('void main()', 'void main(String[] args)')}}\n` : text;

describe('what the README says that a back end does', () => {
  const room = useServer();
  const dir = mkdtempSync(path.join(tmpdir(), 'lectern-readme-'));
  after(() => rmSync(dir, { recursive: true, force: true }));
  let key;

  async function run(language) {
    const [name, command, ...args] = RUN[language];
    const file = path.join(dir, name);
    writeFileSync(file, whole(language, snippets[language]));
    const { PATH, HOME, TMPDIR = '/tmp' } = process.env;
    const child = spawn(command, [...args, file], { env: { PATH, HOME, TMPDIR, LECTERN_URL: room.url, LECTERN_KEY: key } });
    let out = '', errors = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
    const ended = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
    const code = await within(30_000, ended, () => `it does not end: ${out}${errors}`).finally(() => child.kill('SIGKILL'));
    return { code, out, errors };
  }

  it('works in five languages, and a repetition has no effect', async () => {
    assert.deepEqual(Object.keys(snippets).sort(), Object.keys(RUN).sort());
    const made = await lectern(['key', 'new', 'billing', '--functions', 'create_notification', '--port', String(room.server.port)]);
    key = made.stdout.trim();
    const person = await room.join('42');
    const ids = new Set();
    for (const language of Object.keys(RUN)) {
      const lines = snippets[language].trim().split('\n').length;
      assert.ok(lines <= 11, `${language}: ${lines} lines`);
      // each writes its JSON in its own way, which is another body, so it needs another key
      snippets[language] = snippets[language].replace('booking-7-accepted', `booking-7-${language}`);
      const { code, out, errors } = await run(language);
      assert.equal(code, 0, `${language}: ${out}${errors}`);
      const { result } = JSON.parse(out);
      assert.equal(result.message, 'See you on Monday €', language);
      ids.add(result.id);
      assert.equal((await run(language)).out, out, language); // not made again
    }
    await person.settle();
    assert.deepEqual(person.heard('notification').map((one) => one.id), [...ids]);
  });

  it('ends with an error when it is refused', async () => {
    key = 'lk_nothing';
    for (const language of Object.keys(RUN)) {
      const { code } = await run(language);
      assert.notEqual(code, 0, language);
    }
    assert.equal((await call(room, 'create_notification', {}, {})).status, 400);
  });
});
