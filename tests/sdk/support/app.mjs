// Applications of the tests: a folder outside the project, whose node_modules are those of one version of Nest, with the
// package in them as npm would install it.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from '../../e2e/support/process.mjs';
import { folderOf, installPackage } from './package.mjs';

const made = new Set();
process.on('exit', () => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

// Links each package that is there, those of a scope one by one.
function link(from, to, only = () => true) {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (name.startsWith('.') || !only(name)) continue;
    if (name.startsWith('@')) link(path.join(from, name), path.join(to, name));
    else symlinkSync(path.join(from, name), path.join(to, name));
  }
}

// version: 'nest10', 'nest11' or 'nest12'. from: a folder whose files it has. files: { 'main.mjs': text }. packages:
// names of tests/node_modules that it has as well. Gives the folder, which is gone when the process ends.
export async function makeApp(version, { from, files = {}, packages = [] } = {}) {
  await installPackage();
  const dir = mkdtempSync(path.join(tmpdir(), `lectern-${version}-`));
  made.add(dir);
  const modules = path.join(dir, 'node_modules');
  link(path.join(folderOf(version), 'node_modules'), modules);
  link(path.join(ROOT, 'tests/node_modules'), modules, (name) => packages.includes(name));
  if (from) cpSync(from, dir, { recursive: true });
  for (const [name, text] of Object.entries({ 'package.json': '{"type": "module"}\n', ...files })) writeFileSync(path.join(dir, name), text);
  return dir;
}
