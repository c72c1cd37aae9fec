// Applications of the tests: a folder outside the project, with a Nest of one version and the package installed as npm
// would, so that it resolves its peers there and not from its own sources.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from '../../e2e/support/process.mjs';

const SDK = path.join(ROOT, 'examples/nestjs');
const made = new Set();
process.on('exit', () => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

// The package is built by whoever installs it (tests/run does); what runs must be what stands in the sources.
function assertBuilt() {
  let built = 0;
  try {
    built = statSync(path.join(SDK, 'dist/index.mjs')).mtimeMs;
  } catch {
    // Never.
  }
  const newer = readdirSync(path.join(SDK, 'src')).filter((file) => statSync(path.join(SDK, 'src', file)).mtimeMs > built);
  if (newer.length > 0) throw new Error(`examples/nestjs is not built since ${newer.join(', ')} changed: run "npm run build" there`);
}

// Nest 12 is ECMAScript modules alone, which CommonJS may require from Node 20.19 on.
const [major, minor] = process.versions.node.split('.').map(Number);
export const nestRuns = (nest) => nest < 12 || major > 20 || (major === 20 && minor >= 19);
export const needs12 = { skip: nestRuns(12) ? false : `Nest 12 needs Node 20.19 or newer, and this is ${process.version}` };

// nest: 10, 11 or 12, of tests/sdk/nestNN. from: a folder whose files it has. files: { 'main.mjs': text }. packages:
// names of tests/node_modules. Gives the folder.
export function makeApp({ nest, from, files = {}, packages = [] }) {
  assertBuilt();
  const dir = mkdtempSync(path.join(tmpdir(), `lectern-nest${nest}-`));
  made.add(dir);
  const modules = path.join(dir, 'node_modules');
  const installed = path.join(ROOT, `tests/sdk/nest${nest}/node_modules`);
  mkdirSync(path.join(modules, '@lectern'), { recursive: true });
  for (const name of readdirSync(installed)) if (!name.startsWith('.')) symlinkSync(path.join(installed, name), path.join(modules, name));
  for (const name of packages) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(path.join(ROOT, 'tests/node_modules', name), path.join(modules, name));
  }
  for (const name of ['package.json', 'dist']) cpSync(path.join(SDK, name), path.join(modules, '@lectern/nestjs', name), { recursive: true });
  if (from) cpSync(from, dir, { recursive: true });
  for (const [name, text] of Object.entries({ 'package.json': '{"type": "module"}\n', ...files })) writeFileSync(path.join(dir, name), text);
  return dir;
}

export const nestVersion = (nest) => JSON.parse(readFileSync(path.join(ROOT, `tests/sdk/nest${nest}/node_modules/@nestjs/core/package.json`), 'utf8')).version;
