// Runs the guide's snippets as they are: TypeScript is stripped, the guide's address and token are
// replaced by the test's, imports and free names come from the test. Nothing else changes.
import { createRequire } from 'node:module';
import { transform } from 'sucrase';
import { snippetText } from './guide.mjs';

const require = createRequire(import.meta.url);
const AsyncFunction = (async () => {}).constructor;

// replace: { 'text of the guide': 'text of the test' }; each must occur. modules: what local
// imports mean. names: free variables. Returns what the snippet exports.
export async function runSnippet(file, { replace = {}, modules = {}, names = {} } = {}) {
  let text = snippetText(file);
  for (const [from, to] of Object.entries(replace)) {
    if (!text.includes(from)) throw new Error(`${file} does not contain ${from}`);
    text = text.replaceAll(from, to);
  }
  const { code } = transform(text, { transforms: ['typescript', 'imports'], filePath: file });
  const exports = {};
  const load = (name) => modules[name] ?? require(name);
  await new AsyncFunction('require', 'exports', ...Object.keys(names), code)(load, exports, ...Object.values(names));
  return exports;
}
