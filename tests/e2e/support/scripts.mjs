// Script directories for tests: temporary, made of files given as text, of the test handlers in
// tests/e2e/handlers, and, if wanted, of the e-learning example's own handlers.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXAMPLE } from './process.mjs';

const HANDLERS = fileURLToPath(new URL('../handlers/', import.meta.url));

export class Scripts {
  // handlers: names of files in tests/e2e/handlers; files: { 'handlers/x.lua': text }.
  constructor({ example = true, handlers = ['probe'], files = {} } = {}) {
    this.dir = mkdtempSync(path.join(tmpdir(), 'lectern-scripts-'));
    mkdirSync(path.join(this.dir, 'handlers'));
    if (example) {
      cpSync(path.join(EXAMPLE, 'handlers'), path.join(this.dir, 'handlers'), { recursive: true });
      for (const file of ['lectern.lua', 'plugins']) {
        if (existsSync(path.join(EXAMPLE, file))) cpSync(path.join(EXAMPLE, file), path.join(this.dir, file), { recursive: true });
      }
      mkdirSync(path.join(this.dir, 'public'));
    }
    for (const name of handlers) {
      // The prefix keeps them apart from the example's, and last in file order.
      this.write(`handlers/zz_${name}.lua`, readFileSync(path.join(HANDLERS, `${name}.lua`), 'utf8'));
    }
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  write(name, text) {
    const file = path.join(this.dir, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  remove() {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
