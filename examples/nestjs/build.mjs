// Builds dist: CommonJS and its types by the TypeScript compiler, then the wrapper that `import` gets.
//
// Classes are Nest's injection tokens, so there must be one of each in a process, whether it was imported or
// required. The wrapper therefore holds no code: it names what the CommonJS build exports.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const here = fileURLToPath(new URL('.', import.meta.url));

let compiler;
try {
  compiler = require.resolve('typescript/bin/tsc');
} catch {
  console.error(`@lectern/nestjs is built by its own TypeScript: run "npm install" in ${here} first`);
  process.exit(1);
}
rmSync(new URL('dist', import.meta.url), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [compiler, '-p', here], { stdio: 'inherit' });
if (status !== 0) process.exit(1);

const names = Object.keys(require('./dist/index.js')).sort();
writeFileSync(
  new URL('dist/index.mjs', import.meta.url),
  `import lectern from './index.js';\n\n${names.map((name) => `export const ${name} = lectern.${name};\n`).join('')}`,
);

// Types for `import`, too: to a compiler, those of CommonJS could not name what Nest 12 exports, which is ESM.
const dist = new URL('dist/', import.meta.url);
for (const file of readdirSync(dist).filter((name) => name.endsWith('.d.ts'))) {
  const text = readFileSync(new URL(file, dist), 'utf8');
  writeFileSync(new URL(file.replace(/\.d\.ts$/, '.d.mts'), dist), text.replace(/((?:from |import\()['"]\.\/[\w.-]+)(?=['"])/g, '$1.mjs'));
}
