// One Nest version with the package in it, for tests in this process, and programs of a team in processes of their own.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { lectern } from '../../e2e/support/process.mjs';
import { PATIENCE } from '../../e2e/support/wait.mjs';
import { folderOf } from './package.mjs';

/** { common, core, testing, events, terminus, sdk } of a version, as require() gives them. */
export function nestOf(version) {
  const require = createRequire(path.join(folderOf(version), 'package.json'));
  require('reflect-metadata');
  return {
    common: require('@nestjs/common'),
    core: require('@nestjs/core'),
    testing: require('@nestjs/testing'),
    events: require('@nestjs/event-emitter'),
    terminus: require('@nestjs/terminus'),
    sdk: require('@lectern/nestjs'),
  };
}

/** What TypeScript makes of a class with decorators: its constructor takes those classes. */
export function decorated(type, decorators, takes = []) {
  Reflect.defineMetadata('design:paramtypes', takes, type);
  for (const decorate of decorators) decorate(type);
  return type;
}

/** Runs a program in a folder to its end: { code, signal, stdout, stderr, ms }. `type`: 'commonjs' or 'module'. */
export function run(folder, text, { env = {}, type = 'commonjs', ms = 15_000 } = {}) {
  const began = performance.now();
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [`--input-type=${type}`, '-e', text], { cwd: folder, env: { PATH, HOME, ...env } });
  const out = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (data) => (out[name] += data));
  const timer = setTimeout(() => child.kill('SIGKILL'), ms * PATIENCE);
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, ...out, ms: performance.now() - began });
    });
  });
}

/** A key as an operator makes it, for a suite whose database is a file. */
export async function keyOf(room) {
  const { code, stdout, stderr } = await lectern(['key', 'new', 'platform', room.scripts.dir, '--port', String(room.server.port)], { env: DISK });
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

/** The server's database, in its script directory. */
export const DISK = { LECTERN_DATABASE: 'sqlite:lectern.db', STATE_DIRECTORY: undefined };

/** Remembers the lines of Nest's log. */
export class Lines {
  all = [];
  log = (message) => this.all.push(`log ${message}`);
  error = (message) => this.all.push(`error ${message}`);
  warn = (message) => this.all.push(`warn ${message}`);
  debug = () => undefined;
  verbose = () => undefined;
  fatal = (message) => this.all.push(`fatal ${message}`);
}
