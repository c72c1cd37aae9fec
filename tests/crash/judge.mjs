// A back end that believes nothing it has not been told: makes calls, each with a key of its own, and writes what was
// acknowledged to a file that it syncs before it goes on. A call without an answer is made again, with its key, until
// there is one. Runs as a process of its own until SIGTERM; then what is under way is finished.
//
//   node judge.mjs URL TOKEN JOURNAL WORKERS
//
// A line of the journal: what, the id that the server gave, and the call's key.
import { openSync, fsyncSync, writeSync } from 'node:fs';
import http from 'node:http';
import { randomUUID } from 'node:crypto';
import { sleep } from '../e2e/support/wait.mjs';

const [url, token, journalPath, workers] = process.argv.slice(2);
const journal = openSync(journalPath, 'a');
const agent = new http.Agent({ keepAlive: true });
let over = false;
let calls = 0;
let repeats = 0;
process.on('SIGTERM', () => (over = true));

// { status, body } or null: nobody knows what happened.
function post(name, args, key) {
  return new Promise((resolve) => {
    const request = http.request(`${url}/api/${name}`, {
      method: 'POST', agent, timeout: 10_000,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'idempotency-key': key },
    }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => (text += piece));
      response.on('error', () => resolve(null));
      response.on('end', () => resolve(response.complete ? { status: response.statusCode, body: text } : null));
      response.on('close', () => resolve(null));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(null));
    request.end(JSON.stringify(args));
  });
}

// What is called; its result has an id. The key is in the content, so that the judge finds it in the file.
const KINDS = {
  notification: (key, n) => ['create_notification', [{ userId: `learner-${n % 50}`, type: 'CRASH', title: key, message: 'is it there?' }]],
  message: (key, n) => ['send_discussion_message', [`course:${n % 20}`, { discussionId: 'd', userId: `learner-${n % 50}`, content: key }]],
};

async function work(worker) {
  for (let n = worker; !over; n += Number(workers)) {
    const kind = n % 3 === 0 ? 'message' : 'notification';
    const key = randomUUID();
    const [name, args] = KINDS[kind](key, n);
    for (let attempt = 0; ; attempt++) {
      const answer = await post(name, args, key);
      calls++;
      if (attempt > 0) repeats++;
      if (answer?.status === 200) {
        writeSync(journal, `${kind} ${JSON.parse(answer.body).result.id} ${key}\n`);
        fsyncSync(journal);
        break;
      }
      // Not answered, still under way, or not now: again, with the same key.
      if (answer && ![409, 503, 504].includes(answer.status)) {
        console.error(`${name}: ${answer.status} ${answer.body}`);
        process.exit(1);
      }
      await sleep(20);
    }
  }
}

await Promise.all(Array.from({ length: Number(workers) }, (_, i) => work(i)));
console.log(JSON.stringify({ calls, repeats }));
agent.destroy();
