// Arguments of calls as the JSON that is sent.

import { LecternError } from './errors';

/**
 * Arguments as JSON.
 *
 * @throws {LecternError} when they have none: a bigint, a ring, a function
 */
export function jsonOf(name: string, args: unknown): string {
  let text: string | undefined;
  let why = 'a list or an object is needed';
  let cause: unknown;
  try {
    text = JSON.stringify(args);
  } catch (thrown) {
    why = thrown instanceof Error ? thrown.message : String(thrown);
    cause = thrown;
  }
  if (text !== undefined) return text;
  throw new LecternError(`${name || 'a list of calls'}: its arguments are no JSON: ${why}`, { code: 'invalid', call: name, cause });
}

/** How many values a text of JSON has, objects and lists among them. */
export function valuesIn(json: string): number {
  let count = 1;
  let isText = false;
  for (let i = 0; i < json.length; i++) {
    const sign = json[i];
    if (sign === '"') isText = !isText;
    else if (isText) i += sign === '\\' ? 1 : 0;
    else if (sign === ',') count++;
    else if ((sign === '[' || sign === '{') && json[i + 1] !== ']' && json[i + 1] !== '}') count++;
  }
  return count;
}
