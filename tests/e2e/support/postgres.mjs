// A private PostgreSQL: its files in a directory of its own, on a free port of loopback and on a unix socket, with one
// database and a person who owns it. As durable as a real one: what was committed survives kill -9 and a restart.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from './proxy.mjs';
import { PATIENCE, until, within } from './wait.mjs';

// Where Debian puts the programs of each version; the newest, unless PG_BIN says where.
function programs() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).filter((name) => existsSync(path.join(debian, name, 'bin/initdb'))) : [];
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  if (process.env.PG_BIN) return process.env.PG_BIN;
  if (!newest) throw new Error('PostgreSQL is needed: apt-get install postgresql (or PG_BIN, the directory of initdb and postgres)');
  return path.join(debian, newest, 'bin');
}

// PostgreSQL refuses to run as root: then it is the user that Debian's package made.
function owner() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

const running = new Set();
process.on('exit', () => {
  for (const postgres of running) postgres.destroy();
});

export class Postgres {
  user = 'lectern';
  password = "it's secret"; // to be escaped in a URL, and in a key=value string
  database = 'school';
  log = '';

  // settings: those of postgresql.conf, as { max_connections: 5 }. tls: { cert, key }, PEM texts. Over TCP the password
  // is asked for (SCRAM); on the socket nothing is.
  static async start({ settings = {}, tls } = {}) {
    const postgres = new Postgres();
    postgres.bin = programs();
    postgres.owner = owner();
    postgres.dir = mkdtempSync(path.join(tmpdir(), 'lectern-pg-'));
    running.add(postgres);
    try {
      const { dir, data } = postgres;
      const give = (name, text) => {
        writeFileSync(path.join(dir, name), text, { mode: 0o600 });
        if (postgres.owner.uid) chownSync(path.join(dir, name), postgres.owner.uid, postgres.owner.gid);
      };
      if (postgres.owner.uid) chownSync(dir, postgres.owner.uid, postgres.owner.gid);
      give('password', postgres.password);
      // What initdb writes need not be on the disk before the server starts: it is never killed with the machine.
      await postgres.run('initdb', ['-D', data, '-U', postgres.user, '--pwfile', path.join(dir, 'password'), '--auth-local=trust',
        '--auth-host=scram-sha-256', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync', '--no-instructions']);
      if (tls) for (const file of ['cert', 'key']) give(`${file}.pem`, tls[file]);
      const files = tls ? { ssl: 'on', ssl_cert_file: path.join(dir, 'cert.pem'), ssl_key_file: path.join(dir, 'key.pem') } : {};
      postgres.settings = { shared_buffers: '16MB', max_connections: 60, log_min_messages: 'warning', ...files, ...settings };
      postgres.port = await freePort();
      await postgres.up();
      await postgres.query(`CREATE DATABASE ${postgres.database}`, { database: 'postgres' });
      return postgres;
    } catch (error) {
      postgres.destroy();
      throw error;
    }
  }

  get data() {
    return path.join(this.dir, 'data');
  }

  get url() {
    return `postgresql://${this.user}:${encodeURIComponent(this.password)}@127.0.0.1:${this.port}/${this.database}`;
  }

  // By the unix socket, for libpq and what reads its URLs; no password.
  get socketUrl() {
    return `postgresql://${this.user}@/${this.database}?host=${encodeURIComponent(this.dir)}&port=${this.port}`;
  }

  // For clients that want words of their own.
  get connection() {
    const { port, user, password, database } = this;
    return { host: '127.0.0.1', port, user, password, database };
  }

  get alive() {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  // Runs one of PostgreSQL's programs to its end, and gives what it printed.
  run(program, args, { input = '' } = {}) {
    return new Promise((resolve, reject) => {
      const child = execFile(path.join(this.bin, program), args, { ...this.owner, cwd: this.dir, maxBuffer: 1e9, timeout: 60_000 * PATIENCE,
        env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' } }, (error, stdout, stderr) => {
        if (error) reject(new Error(`${program}: ${stderr.trim() || error.message}`));
        else resolve(stdout);
      });
      child.stdin.on('error', () => {}).end(input);
    });
  }

  // Runs SQL with psql: any number of statements, with psql's text for an answer.
  query(sql, { database = this.database } = {}) {
    const args = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', this.dir, '-p', String(this.port), '-U', this.user, '-d', database];
    return this.run('psql', args, { input: sql });
  }

  // The rows of one SELECT, as objects.
  async rows(sql) {
    return JSON.parse(await this.query(`SELECT coalesce(json_agg(row_to_json(r)), '[]') FROM (${sql}) r`));
  }

  // Starts it on the files that are there, and waits until it takes connections.
  async up() {
    const settings = { listen_addresses: '127.0.0.1', port: this.port, unix_socket_directories: this.dir, ...this.settings };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.child = spawn(path.join(this.bin, 'postgres'), ['-D', this.data, ...args], { ...this.owner, cwd: this.dir, stdio: ['ignore', 'ignore', 'pipe'] });
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.log += text));
    this.ended = new Promise((resolve) => this.child.once('close', resolve).once('error', (error) => resolve((this.log += `${error}\n`))));
    const { child } = this;
    const ready = async () => {
      if (child.pid === undefined || child.exitCode !== null) throw new Error(`PostgreSQL ended:\n${this.log.slice(-4000)}`);
      return readPid(this.data) === child.pid && this.query('SELECT 1', { database: 'postgres' }).then(() => true, () => false);
    };
    await until(ready, `PostgreSQL takes connections:\n${this.log.slice(-4000)}`, 30_000);
  }

  // kill -9 of all its processes at once, as when the machine fails; what it had not synced may be lost.
  async kill() {
    const { child } = this;
    if (!this.alive) return;
    child.kill('SIGSTOP'); // so that it makes no more of them
    for (const pid of childrenOf(child.pid)) signal(pid, 'SIGKILL');
    child.kill('SIGKILL');
    await within(10_000, this.ended, () => 'PostgreSQL does not die');
  }

  // Breaks all connections and ends, in good order.
  async down() {
    if (!this.alive) return;
    this.child.kill('SIGINT');
    await within(30_000, this.ended, () => `PostgreSQL does not end:\n${this.log.slice(-4000)}`);
  }

  // Again on the same port, in good order or not.
  async restart({ kill = false } = {}) {
    await (kill ? this.kill() : this.down());
    await this.up();
  }

  async stop() {
    try {
      await this.down();
    } finally {
      this.destroy();
    }
  }

  // At once, with its files; also at the end of the process.
  destroy() {
    running.delete(this);
    if (this.alive) {
      for (const pid of childrenOf(this.child.pid)) signal(pid, 'SIGKILL');
      this.child.kill('SIGKILL');
    }
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

// The first line of its lock file is its process, the last one its state.
function readPid(data) {
  try {
    const lines = readFileSync(path.join(data, 'postmaster.pid'), 'utf8').split('\n');
    return lines[7]?.trim() === 'ready' ? Number(lines[0]) : null;
  } catch {
    return null;
  }
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

// PostgreSQL gives each of its processes a group of its own, so they are found by their parent.
function childrenOf(pid) {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((one) => {
    try {
      const stat = readFileSync(`/proc/${one}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
    } catch {
      return false;
    }
  });
}
