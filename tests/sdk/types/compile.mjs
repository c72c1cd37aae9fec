// The types of the SDK, and what the TypeScript compiler says of programs that use them.

import { createRequire } from 'node:module';
import path from 'node:path';
import { ROOT } from '../../e2e/support/process.mjs';

export const SDK = path.join(ROOT, 'examples/nestjs');
const ts = createRequire(path.join(SDK, 'package.json'))('typescript');

const OPTIONS = {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: [],
  baseUrl: ROOT,
  paths: {
    '@lectern/nestjs/events': ['examples/nestjs/src/events.ts'],
    '@lectern/nestjs/calls': ['examples/nestjs/src/calls.ts'],
    'socket.io-client': ['tests/node_modules/socket.io-client'],
  },
};

const parsed = new Map(); // files by name: those of the language and of packages are the same for all programs

// What is wrong with a program that is given as text: sentences with their lines.
export function problemsOf(text) {
  const name = path.join(ROOT, 'tests/sdk/program.ts');
  const host = ts.createCompilerHost(OPTIONS);
  const { fileExists, readFile } = host;
  const source = host.getSourceFile.bind(host);
  host.fileExists = (file) => file === name || fileExists(file);
  host.readFile = (file) => (file === name ? text : readFile(file));
  host.getSourceFile = (file, ...rest) => {
    if (file === name) return ts.createSourceFile(file, text, ts.ScriptTarget.ES2022);
    if (!parsed.has(file)) parsed.set(file, source(file, ...rest));
    return parsed.get(file);
  };
  const program = ts.createProgram([name], OPTIONS, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const said = ts.flattenDiagnosticMessageText(messageText, '\n');
    if (!file) return said;
    const { line } = file.getLineAndCharacterOfPosition(start);
    return `${path.relative(ROOT, file.fileName)}:${line + 1}: ${said}\n${file.text.split('\n')[line].slice(0, 600)}`;
  });
}

// The names of an interface's members.
export function membersOf(file, name) {
  const text = ts.sys.readFile(path.join(SDK, 'src', file));
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022);
  const found = source.statements.find((one) => ts.isInterfaceDeclaration(one) && one.name.text === name);
  return new Set(found.members.map((member) => member.name.text));
}
