// Runs the scenarios against the servers, in rounds that take turns, and reports medians.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { plot, save, table } from './report.mjs';
import { scenarios } from './scenarios.mjs';
import { servers, withServer } from './servers.mjs';

const help = `usage: tests/bench/run [--rounds N] [--only TEXT] [--servers A,B] [--small] [--save]

Measures Lectern, npm socket.io on Node.js, the same on Bun, and a bare epoll program (the floor) in one run.
The server has the last CPU for itself, the load generator the first. Prints a table of medians and a plot.

  --rounds N      rounds over all servers and scenarios (default 3; some four minutes each)
  --only TEXT     only scenarios whose name contains TEXT
  --servers A,B   of ${Object.keys(servers).join(', ')}
  --small         few clients, one round: shows that everything works, measures nothing
  --save          write table and plot into tests/bench/README.md and tests/bench/results.svg
`;

let options;
try {
  options = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' }, only: { type: 'string', default: '' },
      servers: { type: 'string', default: Object.keys(servers).join(',') },
      small: { type: 'boolean' }, save: { type: 'boolean' }, help: { type: 'boolean' },
    },
  }).values;
} catch (error) {
  console.error(`tests/bench/run: ${error.message}`);
  process.exit(2);
}
if (options.help) {
  process.stdout.write(help);
  process.exit(0);
}
const names = options.servers.split(',');
const unknown = names.find((name) => !servers[name]);
const chosen = scenarios.filter(({ id }) => id.includes(options.only));
if (unknown || chosen.length === 0) {
  console.error(unknown ? `no server ${unknown}; there are ${Object.keys(servers)}` : `no scenario contains "${options.only}"`);
  process.exit(2);
}
const rounds = options.small ? 1 : Number(options.rounds);
const cpus = os.cpus().length;
const folder = resolve(process.env.LECTERN_BUILD ?? 'build/bench');
const secret = 'a secret that is only used by the benchmark';

function certificate() {
  const tls = { cert: `${folder}/cert.pem`, key: `${folder}/key.pem` };
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-keyout', tls.key, '-out', tls.cert], { stdio: 'ignore' });
  return tls;
}

function load(scenario, { pid, port }) {
  const numbers = options.small ? { ...scenario.args, ...scenario.small } : scenario.args;
  const args = ['-c', '0', `${folder}/bench_load`, scenario.name, '--port', port, '--pid', String(pid), '--secret', secret];
  for (const [name, value] of Object.entries(numbers)) args.push(...(value === true ? [`--${name}`] : [`--${name}`, String(value)]));
  if (scenario.tls) args.push('--tls');
  return new Promise((done, reject) => {
    const child = spawn('taskset', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let error = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), 180_000);
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (error += data));
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) done(JSON.parse(out));
      else reject(new Error(`the load generator ended with ${code ?? signal}: ${error}`));
    });
  });
}

mkdirSync(folder, { recursive: true });
const tls = certificate();
const results = Object.fromEntries(chosen.map(({ id }) => [id, Object.fromEntries(names.map((name) => [name, []]))]));
const failures = [];
for (let round = 0; round < rounds; round++) {
  for (const scenario of chosen) {
    // Each round another server is first, so that what drifts hits all.
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length];
      try {
        const result = await withServer(name, { secret, tls: scenario.tls && tls, cpu: cpus - 1 }, (server) => load(scenario, server));
        results[scenario.id][name].push(result);
        const figure = scenario.memory ? `${(result.bytes_each / 1000).toFixed(1)} KB` : `${result.cpu_us.toFixed(2)} µs`;
        console.log(`round ${round + 1}/${rounds}  ${scenario.id.padEnd(34)} ${name.padEnd(8)} ${figure} per ${scenario.unit}`);
      } catch (error) {
        failures.push(error.message);
        console.error(`round ${round + 1}/${rounds}  ${scenario.id}: ${error.message}`);
      }
    }
  }
}
const machine = `${os.cpus()[0].model}, ${cpus} CPUs, Linux ${os.release()}, Node.js ${process.version}`;
writeFileSync(`${folder}/results.json`, JSON.stringify({ machine, rounds, results }, null, 1));
console.log(`\n${table(chosen, names, results)}\n${plot(chosen, names, results)}`);
if (options.save) save(chosen, names, results, { machine, rounds });
process.exit(failures.length > 0 ? 1 : 0);
