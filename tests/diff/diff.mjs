// Reads streams of requests, good and bad ones, by Node's http server and by net_probe, and compares what they took them
// for. What only Node refuses, or both read otherwise, is a fault; what only net_probe refuses must have a name in
// compare.mjs.
import { parseArgs } from 'node:util';
import { difference, KINDS } from './compare.mjs';
import { stream } from './generate.mjs';
import { Reference, Subject } from './servers.mjs';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' }, // how long
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    only: { type: 'string' }, // one stream, by its number: shows both sides
  },
});
const seed = Number(options.seed);
const QUIET = 250;
const MAX_FAULTS = 20;

const reference = await Reference.start();
const subject = await Subject.start();
const counts = new Map(KINDS.map(({ name }) => [name, 0]));
const faults = [];
let streams = 0;
let requests = 0;

const short = (value, n) => JSON.stringify(value).replace(/([a-z])\1{20,}/g, (run, c) => `${c}<${run.length}>`).slice(0, n);

async function read(number, quiet) {
  const pieces = stream(seed, number);
  const [theirs, ours] = await Promise.all([reference.read(pieces, quiet), subject.read(pieces, quiet)]);
  return { theirs, ours, bytes: Buffer.concat(pieces).toString('latin1') };
}

async function compare(number) {
  let theirs, ours, bytes, found;
  // On a busy machine an answer may come late: a fault is only what is so again, with more patience.
  for (const patience of [1, 8, 60]) {
    ({ theirs, ours, bytes } = await read(number, patience * QUIET));
    found = difference(theirs, ours, bytes);
    if (!found?.fault) break;
  }
  streams++;
  requests += theirs.length;
  if (found?.kind) counts.set(found.kind, counts.get(found.kind) + 1);
  else if (found) faults.push({ number, ...found, bytes });
}

async function work(next) {
  for (let number = next(); number !== undefined && faults.length < MAX_FAULTS; number = next()) await compare(number);
}

if (options.only !== undefined) {
  const { theirs, ours, bytes } = await read(Number(options.only), QUIET);
  console.log(JSON.stringify(bytes), '\nNode:', theirs, '\nnet_probe:', ours);
} else {
  console.log(`seed ${seed}`);
  const end = Date.now() + Number(options.seconds) * 1000;
  let number = 0;
  await Promise.all(Array.from({ length: 48 }, () => work(() => (Date.now() < end ? number++ : undefined))));
  for (const { number, fault, bytes, ...more } of faults) {
    console.log(`\n${fault}\n  --seed ${seed} --only ${number}\n  ${short(bytes, 2000)}\n  ${short(more, 1000)}`);
  }
  console.log('\nrefused by net_probe alone:');
  for (const { name, rfc } of KINDS) console.log(`  ${String(counts.get(name)).padStart(6)}  ${name}: ${rfc}`);
  console.log(`\ncompared ${streams} streams, ${requests} requests, ${faults.length} faults`);
}
reference.stop();
await subject.stop();
process.exitCode = faults.length > 0 ? 1 : 0;
