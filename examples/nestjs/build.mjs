// Builds dist: CommonJS and its types by the TypeScript compiler, then the wrapper that `import` gets.
//
// Classes are Nest's injection tokens, so there must be one of each in a process, whether it was imported or
// required. The wrapper therefore holds no code: it names what the CommonJS build exports.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
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
writeFileSync(new URL('dist/index.d.mts', import.meta.url), "export * from './index.js';\n");
