// The results as a table (Markdown), as bars for a terminal, and as a picture by gnuplot.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const here = new URL('.', import.meta.url).pathname;

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
};
// The median of one figure over the rounds, undefined if there was no round.
const figure = (runs, key) => (runs.length > 0 ? median(runs.map((run) => run[key])) : undefined);
const short = (n) => (n === undefined ? '–' : n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2));
const spread = (runs, key) => (runs.length < 2 ? '' : ` (${short(Math.min(...runs.map((r) => r[key])))}–${short(Math.max(...runs.map((r) => r[key])))})`);

// What a scenario is judged by.
const judged = (scenario) => (scenario.memory ? 'bytes_each' : scenario.latency ? 'p99_ms' : 'cpu_us');

export function table(scenarios, names, results) {
  const lines = [];
  for (const scenario of scenarios) {
    const what = results[scenario.id];
    const memory = scenario.memory;
    lines.push('', `**${scenario.id}**${scenario.bar ? ` (bar: ${scenario.bar} × the floor)` : ''}`, '');
    lines.push(memory
      ? '| server | memory each, bytes | idle CPU, ms a second |\n|---|---|---|'
      : `| server | CPU per ${scenario.unit}, µs | × floor | a second | p50 / p99 / p99.9, ms | memory, MB | CPU of server / load |\n|---|---|---|---|---|---|---|`);
    const floor = what.floor ? figure(what.floor, 'cpu_us') : undefined;
    for (const name of names) {
      const runs = what[name];
      const of = (key) => figure(runs, key);
      if (memory) {
        lines.push(`| ${name} | ${short(of('bytes_each'))}${spread(runs, 'bytes_each')} | ${short(of('idle_cpu_ms_per_s'))} |`);
      } else {
        const share = (key) => (of(key) === undefined ? '–' : `${Math.round(of(key) * 100)} %`);
        lines.push(`| ${name} | ${short(of('cpu_us'))}${spread(runs, 'cpu_us')} | ${floor && of('cpu_us') ? short(of('cpu_us') / floor) : '–'} | ` +
          `${of('per_second') === undefined ? '–' : Math.round(of('per_second'))} | ${short(of('p50_ms'))} / ${short(of('p99_ms'))} / ${short(of('p999_ms'))} | ` +
          `${short(of('rss_mb'))} | ${share('server_cpu_share')} / ${share('load_cpu_share')} |`);
      }
    }
  }
  return lines.slice(1).join('\n') + '\n';
}

// Times the floor's figure, of what the scenario is judged by.
const ratio = (scenario, what, name) => {
  const key = scenario.memory ? 'bytes_each' : 'cpu_us';
  const floor = what.floor && figure(what.floor, key);
  const own = figure(what[name], key);
  return floor && own ? own / floor : undefined;
};

export function plot(scenarios, names, results) {
  const lines = ['server CPU per unit; each bar on its scenario\'s own scale'];
  for (const scenario of scenarios) {
    if (scenario.memory) continue;
    const values = names.map((name) => figure(results[scenario.id][name], 'cpu_us') ?? 0);
    const most = Math.max(...values, 1e-9);
    lines.push('', scenario.id);
    names.forEach((name, i) => lines.push(`  ${name.padEnd(8)} ${'█'.repeat(Math.max(1, Math.round((values[i] / most) * 50)))} ${short(values[i])} µs`));
  }
  return lines.join('\n');
}

function picture(scenarios, names, results) {
  const rows = scenarios.filter((scenario) => !scenario.memory)
    .map((scenario) => [JSON.stringify(scenario.id), ...names.map((name) => ratio(scenario, results[scenario.id], name)?.toFixed(3) ?? '?')].join(' '));
  const colours = { lectern: '#1b7f5c', node: '#b0b7c3', bun: '#e0c39a', floor: '#4a5568' };
  const program = `
set terminal svg size 1100,520 font "sans,12" background "white" noenhanced
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.95 border -1
set boxwidth 0.9
set logscale y 2
set yrange [0.5:*]
set ylabel "server CPU per unit, times the floor"
set grid ytics lc rgb "#dddddd"
set xtics rotate by -28 scale 0
set key outside top center horizontal
$data << END
${rows.join('\n')}
END
plot ${names.map((name, i) => `$data using ${i + 2}:xtic(1) title "${name}" lc rgb "${colours[name]}"`).join(', ')}
`;
  return execFileSync('gnuplot', { input: program });
}

// Writes both into the folder of the benchmark, in place of the last run's.
export function save(scenarios, names, results, { machine, rounds }) {
  const path = `${here}README.md`;
  const text = readFileSync(path, 'utf8');
  const day = new Date().toISOString().slice(0, 10);
  const block = `<!-- results -->\n${day}; ${machine}; medians of ${rounds} rounds, least and most in brackets.\n\n` +
    `![server CPU per unit, times the floor](results.svg)\n\n${table(scenarios, names, results)}<!-- /results -->`;
  writeFileSync(path, text.replace(/<!-- results -->[^]*<!-- \/results -->/, () => block));
  writeFileSync(`${here}results.svg`, picture(scenarios, names, results));
}
