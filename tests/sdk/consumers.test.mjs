// The types that the package has: a platform's code compiles with them on each Nest version, as CommonJS and as ESM, by
// each way of finding modules, strictly and with the types of libraries checked.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folderOf, installPackage, missing, SDK, VERSIONS } from './support/package.mjs';

const PROGRAM = readFileSync(fileURLToPath(new URL('consumers/platform.ts', import.meta.url)), 'utf8');
const ts = createRequire(path.join(SDK, 'package.json'))('typescript');

// As in a tsconfig.json, by what a package.json says of its type.
const WAYS = {
  'CommonJS, node10': ['commonjs', { module: 'commonjs', moduleResolution: 'node10' }],
  'CommonJS, node16': ['commonjs', { module: 'node16', moduleResolution: 'node16' }],
  'CommonJS, nodenext': ['commonjs', { module: 'nodenext', moduleResolution: 'nodenext' }],
  'ESM, node16': ['module', { module: 'node16', moduleResolution: 'node16' }],
  'ESM, bundler': ['module', { module: 'esnext', moduleResolution: 'bundler' }],
};
// Nest 12 is ESM with an exports map: CommonJS programs of it are for compilers that know require() of ESM.
const USUAL = {
  nest10: ['CommonJS, node10', 'ESM, bundler'],
  nest11: ['CommonJS, node10', 'CommonJS, node16', 'ESM, node16', 'ESM, bundler'],
  nest12: ['CommonJS, nodenext', 'ESM, node16', 'ESM, bundler'],
};

const STRICT = {
  target: 'es2022',
  lib: ['es2022'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: false,
  noEmit: true,
};

// Files that were parsed, as one program after another reads the same.
const parsed = new Map();

function hostFor(options) {
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (file, how, ...rest) => {
    if (!file.includes('node_modules')) return read(file, how, ...rest);
    const key = `${file} ${JSON.stringify(how)} ${options.module}`;
    if (!parsed.has(key)) parsed.set(key, read(file, how, ...rest));
    return parsed.get(key);
  };
  return host;
}

// What the compiler says of the program and of the package's types; other libraries' are their own business.
function problems(folder, given) {
  const { options, errors } = ts.convertCompilerOptionsFromJson({ ...STRICT, typeRoots: ['../@types'], ...given }, folder);
  assert.deepEqual(errors, []);
  const program = ts.createProgram([path.join(folder, 'platform.ts')], options, hostFor(options));
  const files = program.getSourceFiles().filter(({ fileName }) => /@lectern|platform\.ts$/.test(fileName));
  assert.ok(files.length > 10, 'the package was not found');
  return [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...files.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])].map((one) =>
    ts.formatDiagnostic(one, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => folder, getNewLine: () => '\n' }),
  );
}

for (const version of VERSIONS) {
  describe(`types on ${version}`, { skip: missing(version) }, () => {
    before(installPackage);

    for (const way of USUAL[version]) {
      it(way, () => {
        const [type, options] = WAYS[way];
        const folder = mkdtempSync(path.join(folderOf(version), 'node_modules/.consumer-'));
        try {
          writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ type }));
          writeFileSync(path.join(folder, 'platform.ts'), PROGRAM);
          assert.deepEqual(problems(folder, options), []);
        } finally {
          rmSync(folder, { recursive: true });
        }
      });
    }
  });
}
