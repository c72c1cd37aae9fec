// A Person with a client of another language: Debian's python3-socketio, unmodified, driven by
// python_person.py. Option `python`: "threads" or "asyncio".
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Person } from './person.mjs';
import { within } from './wait.mjs';

const SCRIPT = fileURLToPath(new URL('python_person.py', import.meta.url));

const fromJson = (_, value) => (typeof value?.$bytes === 'string' ? Buffer.from(value.$bytes, 'base64') : value);
// A Buffer is an object by the time that a replacer sees it.
const toJson = (_, value) => (value?.type === 'Buffer' ? { $bytes: Buffer.from(value.data).toString('base64') } : value);

export class PythonPerson extends Person {
  open(server, token, { auth, namespace, python, header, transports, reconnection = false }) {
    const options = {
      kind: python,
      url: server.url,
      namespace,
      transports,
      reconnection,
      auth: auth ?? (token === null || header ? null : { token }),
      headers: header ? { Authorization: `Bearer ${token}` } : {},
    };
    this.waiting = new Map();
    this.errors = '';
    this.child = spawn('/usr/bin/python3', [SCRIPT, JSON.stringify(options)], { stdio: 'pipe' });
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.errors += text));
    this.child.stdin.on('error', () => {}); // it may have gone
    return { disconnect: () => this.child.kill('SIGKILL') }; // threads that try to come back would keep it
  }

  listen() {
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      const { event, number, args } = JSON.parse(line, fromJson);
      if (event) this.record(event, args);
      else this.waiting.get(number)(args);
    });
  }

  tell(command) {
    this.child.stdin.write(`${JSON.stringify(command, toJson)}\n`);
  }

  request(command) {
    const number = this.waiting.size;
    const answer = new Promise((resolve) => this.waiting.set(number, resolve));
    this.tell({ ...command, number });
    return within(5000, answer, () => `no answer to ${JSON.stringify(command).slice(0, 200)}\n${this.errors}`);
  }

  emit(...args) {
    this.tell({ emit: args });
  }

  async ask(...args) {
    return (await this.request({ emit: args }))[0];
  }

  // How it is connected: [transport, id].
  state() {
    return this.request({});
  }
}
