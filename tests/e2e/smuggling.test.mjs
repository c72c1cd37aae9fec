// Request smuggling: what each attempt makes of the server that stands alone, and that behind each proxy it never
// serves what the proxy did not send as a request.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Probe } from './net_help.mjs';
import { answersIn } from './support/answers.mjs';
import { Apache } from './support/apache.mjs';
import { Haproxy } from './support/haproxy.mjs';
import { Nginx } from './support/nginx.mjs';
import { ATTEMPTS } from './support/smuggling.mjs';
import { PATIENCE } from './support/wait.mjs';

// Behind each attempt: answered as what it is only by who knows where the attempt ends.
const END = 'GET /@@@/end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const ARGS = ['--describe', '--body-ms', '1500', '--header-ms', '1500'];
const number = (i) => String(100 + i); // of three digits, as @@@ has, since lengths count it

// Sends the bytes: all that comes until the connection ends, or for so long nothing does.
function send(port, bytes, quiet) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const chunks = [];
    const timer = setTimeout(() => socket.destroy(), quiet * PATIENCE);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      timer.refresh();
      if (answersIn(Buffer.concat(chunks)).at(-1)?.status >= 400) socket.end(); // it may wait for that
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
  });
}

// Makes all attempts, some at a time: what came, by name.
async function attempt(port, quiet) {
  const results = new Map();
  const left = ATTEMPTS.entries();
  const work = async () => {
    for (const [i, { name, bytes }] of left) {
      const all = Buffer.from((bytes + END).replaceAll('@@@', number(i)), 'latin1');
      const came = await send(port, all, quiet);
      results.set(name, { number: number(i), came });
    }
  };
  await Promise.all(Array.from({ length: 12 }, work));
  return results;
}

// A verdict in the words of the table.
function verdictOn({ number, came }) {
  return answersIn(came).map(({ status, request }) => {
    if (!request) return status;
    assert.match(request.path, new RegExp(`^/(${number}/|ws$)`), "the answer to another's request");
    assert.notEqual(request.headers['x-probe'], 'forged');
    return `${request.path.slice(5)}=${request.body}`;
  });
}

// Whether the answers are those of a verdict; if nothing ends the connection before, the last request is answered.
function agrees(answers, verdict) {
  const refused = typeof verdict.at(-1) !== 'string';
  const expected = verdict.at(-1) === 'closed' ? verdict.slice(0, -1) : refused ? verdict : [...verdict, 'end='];
  return answers.length === expected.length && answers.every((one, i) => [expected[i]].flat().includes(one));
}

const severalVerdicts = (verdict) => Array.isArray(verdict[0]) && verdict.some((one) => typeof one[0] === 'string');

// A probe for a describe block.
function useProbe() {
  const handle = {};
  before(async () => (handle.probe = await Probe.start({ after: (stop) => (handle.stop = stop) }, ARGS)));
  after(() => handle.stop?.());
  return handle;
}

describe('smuggling, straight', () => {
  const handle = useProbe();
  let results, seen;
  before(async () => {
    const { probe } = handle;
    results = await attempt(probe.port, 4000);
    seen = JSON.parse((await probe.get('/seen')).body.toString());
  });

  for (const { name, verdict } of ATTEMPTS) {
    it(name, () => {
      const result = results.get(name);
      const expected = JSON.parse(JSON.stringify(verdict).replaceAll('@@@', result.number));
      const answers = verdictOn(result);
      const verdicts = severalVerdicts(expected) ? expected : [expected];
      assert.ok(verdicts.some((one) => agrees(answers, one)), `${JSON.stringify(answers)} instead of ${JSON.stringify(expected)}`);
      const served = seen.filter((one) => one.path.startsWith(`/${result.number}/`));
      assert.equal(served.length, answers.filter((one) => typeof one === 'string').length, 'it served what it did not answer');
      const last = answersIn(result.came).at(-1);
      assert.equal(last.headers.connection, 'close');
    });
  }
});

for (const Proxy of [Nginx, Haproxy, Apache]) {
  describe(`smuggling behind ${Proxy.name}`, () => {
    const mark = randomBytes(8).toString('hex');
    const handle = useProbe();
    let results, seen, proxy;
    before(async () => {
      const { probe } = handle;
      proxy = await Proxy.start({ mark }, probe.port);
      results = await attempt(proxy.port, 1000);
      const canaries = Array.from({ length: 40 }, (_, i) => send(proxy.port, `GET /canary-${i} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 5000));
      results.canaries = await Promise.all(canaries);
      seen = JSON.parse((await probe.get('/seen')).body.toString());
    });
    after(() => proxy?.stop());

    for (const { name } of ATTEMPTS) {
      it(name, () => {
        const result = results.get(name);
        verdictOn(result); // everybody got answers of their own
        for (const { path, headers } of seen.filter((one) => one.path.startsWith(`/${result.number}/`))) {
          assert.equal(headers['x-probe'], mark, `the proxy did not send ${path}`);
        }
      });
    }

    it('serves nothing else that the proxy did not send', () => {
      assert.deepEqual(seen.filter((one) => one.headers['x-probe'] !== mark), []);
      assert.ok(seen.length > ATTEMPTS.length / 2);
    });

    it('gives everybody the answers to their own requests afterwards', () => {
      const paths = results.canaries.map((came) => answersIn(came)[0]?.request?.path);
      assert.deepEqual(paths, paths.map((_, i) => `/canary-${i}`));
    });
  });
}
