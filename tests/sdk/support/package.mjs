// The package as a team gets it: built, packed by npm, and unpacked into the node_modules of each Nest version. A link
// to its folder would not do, as Node would find that folder's own Nest from there, a second one.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../../e2e/support/process.mjs';
import { sleep } from '../../e2e/support/wait.mjs';

export const SDK = path.join(ROOT, 'examples/nestjs');
export const VERSIONS = ['nest10', 'nest11', 'nest12'];
const TESTS = fileURLToPath(new URL('../', import.meta.url));

/** The folder of a Nest version. */
export const folderOf = (version) => path.join(TESTS, version);

/** Why a version cannot run on this Node, or false. */
export function missing(version) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const old = major < 20 || (major === 20 && minor < 19);
  return version === 'nest12' && old ? `Nest 12 needs Node 20.19, this is ${process.versions.node}` : false;
}

// Of what the package is made.
function fingerprint() {
  const hash = createHash('sha256');
  const files = ['package.json', 'package-lock.json', 'tsconfig.json', 'build.mjs', ...readdirSync(path.join(SDK, 'src')).map((name) => `src/${name}`)];
  for (const file of files.sort()) hash.update(file).update(readFileSync(path.join(SDK, file)));
  return hash.digest('hex');
}

// One process at a time builds and unpacks: test files run two at a time.
async function locked(work) {
  const lock = path.join(SDK, 'node_modules/.building');
  for (let waited = 0; ; waited += 100) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (waited > 120_000) rmSync(lock, { recursive: true, force: true });
      await sleep(100);
    }
  }
  try {
    return work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

const npm = (args, cwd) => execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

function unpack(tarball, version, stamp) {
  const home = path.join(folderOf(version), 'node_modules/@lectern');
  mkdirSync(home, { recursive: true });
  const fresh = mkdtempSync(path.join(home, '.new-'));
  execFileSync('tar', ['xzf', tarball, '-C', fresh, '--strip-components=1']);
  writeFileSync(path.join(fresh, '.stamp'), stamp);
  rmSync(path.join(home, 'nestjs'), { recursive: true, force: true });
  renameSync(fresh, path.join(home, 'nestjs'));
}

const stampOf = (version) => {
  const file = path.join(folderOf(version), 'node_modules/@lectern/nestjs/.stamp');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

/** Sees to it that node_modules of all versions hold the package as its sources are now. */
export async function installPackage() {
  for (const folder of [SDK, ...VERSIONS.map(folderOf)]) {
    if (!existsSync(path.join(folder, 'node_modules'))) throw new Error(`run "npm ci" in ${folder} first`);
  }
  const stamp = fingerprint();
  if (VERSIONS.every((version) => stampOf(version) === stamp)) return;
  await locked(() => {
    if (VERSIONS.every((version) => stampOf(version) === stamp)) return;
    npm(['run', '--silent', 'build'], SDK);
    const out = mkdtempSync(path.join(SDK, 'node_modules/.packed-'));
    const [{ filename }] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', out], SDK));
    for (const version of VERSIONS) unpack(path.join(out, filename), version, stamp);
    rmSync(out, { recursive: true });
  });
}
