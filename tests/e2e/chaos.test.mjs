// A swarm of clients that do everything wrong at once, at random, beside a class that must not
// notice. The seed is printed; LECTERN_CHAOS_SEED=<another> makes other choices, and
// LECTERN_CHAOS_SECONDS lengthens the run.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { lectern } from './support/process.mjs';
import { random } from './support/random.mjs';
import { RawWebSocket } from './support/raw.mjs';
import { useServer, upgraded, WAYS } from './support/suite.mjs';
import { sign, tokenFor } from './support/tokens.mjs';
import { sleep, until, within } from './support/wait.mjs';

const SECONDS = Number(process.env.LECTERN_CHAOS_SECONDS || 20);
const SEED = Number(process.env.LECTERN_CHAOS_SEED || 20261123);
const ACTORS = 24;
const MAX_PAYLOAD = 100_000;
const GROWTH_MB = 96; // what the allocators may keep of a peak

// --- chance ---------------------------------------------------------------------------------

// What the actors ask of it.
function dice(seed) {
  const chance = random(seed);
  return {
    ...chance,
    bytes: (n) => Buffer.from(Array.from({ length: n }, () => chance.below(256))),
    seed: () => chance.below(2 ** 31),
  };
}

// --- a connection without manners -----------------------------------------------------------

// What an actor awaits when its connection ends: the scenario is over, and nothing is wrong.
class Gone extends Error {}

class Line {
  static async open(actor) {
    const line = new Line();
    line.socket = connect({ port: actor.port, host: '127.0.0.1', allowHalfOpen: actor.rng.chance(0.1) });
    actor.lines.add(line);
    line.input = Buffer.alloc(0);
    line.over = false;
    line.waiting = new Set();
    const wake = () => line.waiting.forEach((look) => look());
    line.socket.on('error', () => {});
    line.socket.on('close', () => {
      line.over = true;
      actor.lines.delete(line);
      wake();
    });
    line.socket.on('connect', wake);
    line.socket.on('end', wake);
    line.socket.on('data', (chunk) => {
      line.input = Buffer.concat([line.input, chunk]);
      wake();
    });
    await line.until(() => !line.socket.connecting);
    return line;
  }

  // What look() finds in the input; Gone if the connection ends or nothing comes for a while.
  async until(look, ms = 500) {
    let check;
    let timer;
    try {
      return await new Promise((resolve, reject) => {
        check = () => {
          const found = look();
          if (found) resolve(found);
          else if (this.over || this.socket.readableEnded) reject(new Gone());
        };
        timer = setTimeout(() => reject(new Gone()), ms);
        this.waiting.add(check);
        check();
      });
    } finally {
      clearTimeout(timer);
      this.waiting.delete(check);
    }
  }

  write(data) {
    if (!this.over) this.socket.write(data);
  }

  // In pieces, so that the other side sees any part alone.
  async drip(data, rng) {
    const bytes = Buffer.from(data);
    for (let at = 0; at < bytes.length && !this.over; ) {
      const n = 1 + rng.below(Math.max(2, bytes.length / 2));
      this.write(bytes.subarray(at, at + n));
      at += n;
      await sleep(rng.below(8));
    }
  }

  // One HTTP answer, off the input.
  async answer() {
    return this.until(() => {
      const end = this.input.indexOf('\r\n\r\n');
      if (end < 0) return null;
      const head = this.input.subarray(0, end).toString();
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (this.input.length < end + 4 + length) return null;
      const body = this.input.subarray(end + 4, end + 4 + length).toString();
      this.input = this.input.subarray(end + 4 + length);
      return { status: Number(head.slice(9, 12)), head, body };
    });
  }

  async leave(rng) {
    const how = rng.below(4);
    if (how === 0) this.socket.resetAndDestroy();
    else if (how === 1) this.socket.destroy();
    else if (how === 2) this.socket.end();
    else {
      await sleep(rng.below(300));
      this.socket.destroy();
    }
  }
}

const request = (method, path, body, headers = {}) => {
  const lines = Object.entries({
    Host: 'x',
    ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), Buffer.from(body ?? '')]);
};

const UPGRADE = {
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
};

// A client's frame; `first` is FIN, RSV and opcode.
function frame(data, first = typeof data === 'string' ? 0x81 : 0x82) {
  const body = Buffer.from(data);
  let head;
  if (body.length < 126) {
    head = Buffer.from([first, 0x80 | body.length]);
  } else if (body.length < 65_536) {
    head = Buffer.from([first, 0xfe, body.length >> 8, body.length & 255]);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = 0xff;
    head.writeUInt32BE(body.length, 6);
  }
  const mask = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([head, mask, body.map((byte, i) => byte ^ mask[i & 3])]);
}

// --- what they say --------------------------------------------------------------------------

const EIO = '/socket.io/?EIO=4&transport=';

function token(rng) {
  const good = tokenFor(`mob${rng.below(5)}`);
  return rng.pick([good, good, good, sign({ sub: 'x', exp: 1 }), sign({ sub: 'x' }, { key: 'wrong' }), '', good.slice(0, -3), 'a.b.c', 'x'.repeat(9000)]);
}

const connectPacket = (rng, nsp = '') => `40${nsp}${JSON.stringify({ token: token(rng) })}`;

// A Socket.IO packet as text; may announce attachments that never come.
function packet(rng) {
  const id = rng.chance(0.5) ? rng.below(50) : '';
  const text = rng.pick([
    () => connectPacket(rng),
    () => connectPacket(rng, '/nowhere,'),
    () => connectPacket(rng, `/${'n'.repeat(rng.below(2000))},`),
    () => '41',
    () => '41/nowhere,',
    () => `42${id}["echo",${rng.below(100)}]`,
    () => `42${id}["echo",${rng.below(100)}]`,
    () => `42${id}["enter","mob${rng.below(4)}"]`,
    () => `42${id}["exit","mob${rng.below(4)}"]`,
    () => `42${id}["send_to",{"room":"mob${rng.below(4)}","event":"x","args":["${'y'.repeat(rng.below(3000))}"]}]`,
    () => `42${id}["flood",{"room":"mob${rng.below(4)}","n":${rng.below(40)},"size":${rng.below(4000)}}]`,
    () => `42${id}["ask_me","?",0.2]`,
    () => `42${id}["late_result"]`,
    () => `42${id}["crash"]`,
    () => `42${id}["kick",${rng.chance(0.5)}]`,
    () => `42${id}["nobody wants this",[[[[]]]]]`,
    () => `42${id}["disconnect"]`,
    () => `42${id}[${'['.repeat(rng.below(300))}`,
    () => `43${rng.below(20)}["yes"]`,
    () => `45${rng.below(12)}-${id}["bytes",{"data":{"_placeholder":true,"num":${rng.below(3)}}}]`,
    () => `46${rng.below(12)}-${id}[{"_placeholder":true,"num":0}]`,
    () => '44{"message":"no"}',
    () => 'bAQIDBA==',
    () => `b${rng.bytes(rng.below(40)).toString('base64').slice(rng.below(3))}`,
    () => '3',
    () => rng.pick(['0', '1', '2', '5', '6', '', '4', '49', 'x', '2probe']),
  ])();
  if (!rng.chance(0.1) || text.length === 0) return text;
  const bytes = Buffer.from(text);
  bytes[rng.below(bytes.length)] = rng.below(128);
  return bytes.toString();
}

// Packets that a session survives, to get somewhere before the nonsense begins.
const tame = (rng) => rng.pick([`421["echo",1]`, `42["enter","mob${rng.below(4)}"]`, '3', `422["late_result"]`, '6']);

const payload = (rng) => Array.from({ length: 1 + rng.below(6) }, () => packet(rng)).join('\x1e');

// --- what they do ---------------------------------------------------------------------------

// A polling session: { line, sid }, with a token shown if it wants to.
async function session(actor) {
  const { rng } = actor;
  const line = await Line.open(actor);
  line.write(request('GET', `${EIO}polling${rng.chance(0.2) ? '&b64=1' : ''}`));
  const { status, body } = await line.answer();
  if (status === 503) throw new Gone(); // it is leaving
  assert.equal(status, 200);
  const { sid } = JSON.parse(body.slice(1));
  const path = `${EIO}polling&sid=${sid}`;
  if (rng.chance(0.8)) {
    line.write(request('POST', path, connectPacket(rng)));
    await line.answer();
  }
  return { line, sid, path };
}

async function socket(actor, query = '') {
  const line = await Line.open(actor);
  line.write(request('GET', `${EIO}websocket${query}`, undefined, UPGRADE));
  const { status } = await line.answer();
  if (status !== 101) throw new Gone();
  return line;
}

const scenarios = {
  async handshake({ line }, { rng }) {
    await sleep(rng.below(50));
    await line.leave(rng);
  },

  async abortedPoll({ line, path }, { rng }) {
    for (let i = rng.below(3); i >= 0; i--) {
      line.write(request('GET', path));
      if (rng.chance(0.5)) await line.answer();
    }
    await sleep(rng.below(100));
    await line.leave(rng);
  },

  async overlap({ line, path }, actor) {
    const { rng } = actor;
    const other = await Line.open(actor);
    const method = rng.pick(['GET', 'POST']);
    const body = method === 'POST' ? payload(rng) : undefined;
    const whole = request(method, path, body);
    line.write(whole.subarray(0, body ? whole.length - 1 : whole.length));
    await sleep(rng.below(10));
    other.write(request(method, path, body));
    if (rng.chance(0.5)) line.write(whole.subarray(whole.length - 1));
    if (rng.chance(0.7)) await other.answer();
    await other.leave(rng);
    await line.leave(rng);
  },

  async posts({ line, path }, actor) {
    const { rng } = actor;
    const poll = await Line.open(actor);
    poll.write(request('GET', path));
    for (let i = rng.below(8); i >= 0; i--) {
      const body = rng.chance(0.5) ? tame(rng) : rng.chance(0.1) ? rng.bytes(rng.below(300)) : payload(rng);
      const whole = request('POST', path, body, rng.chance(0.05) ? { 'Content-Type': 'application/octet-stream' } : {});
      if (rng.chance(0.3)) await line.drip(whole, rng);
      else line.write(whole);
      await line.answer();
      if (poll.input.length > 0 && rng.chance(0.8)) {
        await poll.answer();
        poll.write(request('GET', path));
      }
    }
    await poll.leave(rng);
    await line.leave(rng);
  },

  async hugePost({ line, path }, { rng }) {
    const claimed = rng.pick([MAX_PAYLOAD, MAX_PAYLOAD + 1, 10 * MAX_PAYLOAD, 1e15]);
    const sent = Math.min(claimed, rng.below(3 * MAX_PAYLOAD));
    line.write(request('POST', path, undefined, { 'Content-Length': claimed }));
    line.write(`42["echo","${'z'.repeat(sent)}"]`.slice(0, sent));
    if (rng.chance(0.5)) await line.answer();
    await line.leave(rng);
  },

  async upgradeCut({ line, sid, path }, actor) {
    const { rng } = actor;
    const cut = rng.below(8);
    line.write(request('GET', path));
    const ws = await Line.open(actor);
    const ask = request('GET', `${EIO}websocket&sid=${sid}`, undefined, UPGRADE);
    if (cut === 0) {
      ws.write(ask.subarray(0, rng.below(ask.length)));
      return ws.leave(rng);
    }
    ws.write(ask);
    if (cut === 1) return ws.leave(rng);
    await ws.answer();
    if (cut === 2) return ws.leave(rng);
    if (cut === 3) ws.write(frame(packet(rng)));
    else ws.write(frame('2probe'));
    if (cut === 4) return ws.leave(rng);
    await ws.until(() => ws.input.includes('3probe'));
    if (cut === 5) return line.leave(rng);
    if (rng.chance(0.5)) line.write(request('POST', path, tame(rng)));
    ws.write(frame('5'));
    if (cut === 6) return ws.leave(rng);
    for (let i = rng.below(6); i > 0; i--) ws.write(frame(rng.chance(0.5) ? tame(rng) : packet(rng)));
    await sleep(rng.below(100));
    await line.leave(rng);
    return ws.leave(rng);
  },

  async talk(_, actor) {
    const { rng } = actor;
    const ws = await socket(actor, rng.chance(0.2) ? '&b64=1' : '');
    ws.write(frame(connectPacket(rng)));
    for (let i = rng.below(12); i > 0; i--) {
      ws.write(frame(rng.chance(0.6) ? tame(rng) : packet(rng)));
      if (rng.chance(0.2)) ws.write(frame(rng.bytes(rng.below(200))));
      if (rng.chance(0.3)) await sleep(rng.below(40));
    }
    if (rng.chance(0.3)) ws.write(frame(Buffer.from([3, 232]), 0x88));
    await ws.leave(rng);
  },

  async brokenFrames(_, actor) {
    const { rng } = actor;
    const ws = await socket(actor);
    if (rng.chance(0.5)) ws.write(frame(connectPacket(rng)));
    for (let i = 1 + rng.below(5); i > 0; i--) {
      const bytes = rng.pick([
        () => frame('42["echo",', 0x01),
        () => frame('1]', 0x80),
        () => frame('', 0x00),
        () => frame('ping', 0x89),
        () => frame('pong', 0x8a),
        () => frame('ping', 0x09),
        () => frame('p'.repeat(200), 0x89),
        () => frame('x', 0x83 + rng.below(5)),
        () => frame('x', 0xc1 | (rng.below(4) << 4)),
        () => frame(Buffer.from([0xff, 0xfe]), 0x81),
        () => frame('é'.slice(0, 1), 0x01),
        () => frame(Buffer.from([3]), 0x88),
        () => frame(Buffer.from([0, rng.below(256), 0xff]), 0x88),
        () => frame('y'.repeat(MAX_PAYLOAD + rng.below(2)), 0x81),
        () => Buffer.from([0x81, 0xff, rng.below(256), 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4]),
        () => frame(tame(rng)).subarray(0, 3),
        () => rng.bytes(rng.below(60)),
      ])();
      if (rng.chance(0.2)) await ws.drip(bytes.subarray(0, 400), rng);
      else ws.write(bytes);
      await sleep(rng.below(20));
    }
    await ws.leave(rng);
  },

  // Asks for far more than it takes.
  async slowReader(_, actor) {
    const { rng } = actor;
    const ws = await socket(actor);
    const room = `slow${rng.below(1e6)}`;
    ws.write(frame(`40${JSON.stringify({ token: tokenFor('slow') })}`));
    await ws.until(() => ws.input.includes('40{"sid"'));
    ws.socket.pause();
    ws.write(frame(`42["enter","${room}"]`));
    for (let i = 0; i < 20; i++) {
      ws.write(frame(`42["flood",{"room":"${room}","n":100,"size":3000}]`));
      await sleep(rng.below(60));
    }
    ws.socket.resume();
    await ws.leave(rng);
  },

  async slowPoller({ line, path }, actor) {
    const { rng } = actor;
    const room = `slow${rng.below(1e6)}`;
    const poll = await Line.open(actor);
    line.write(request('POST', path, `42["enter","${room}"]`));
    await line.answer();
    poll.socket.pause();
    poll.write(request('GET', path));
    line.write(request('POST', path, `42["flood",{"room":"${room}","n":90,"size":3000}]`));
    await sleep(rng.below(500));
    if (rng.chance(0.5)) poll.socket.resume();
    await poll.leave(rng);
    await line.leave(rng);
  },

  async badHttp(_, actor) {
    const { rng } = actor;
    const line = await Line.open(actor);
    const whole = rng.pick([
      () => request('GET', '/healthz').toString().repeat(1 + rng.below(20)),
      () => request('GET', '/healthz') + request('POST', `${EIO}polling`, 'abc'),
      () => request('GET', `${EIO}polling`) + request('GET', `${EIO}polling`, 'abc'),
      () => request('POST', `${EIO}polling&sid=nobody`, '4'),
      () => request('POST', `${EIO}polling`, undefined, { 'Transfer-Encoding': 'chunked' }) + '3\r\nabc\r\n0\r\n\r\n',
      () => request('GET', `/${'a'.repeat(rng.below(9000))}`),
      () => request('GET', '/', undefined, { 'X-Long': 'b'.repeat(rng.below(20_000)) }),
      () => request('GET', '/', undefined, { 'Content-Length': rng.pick(['-1', '1e3', '5, 5', '99999999999999999999']) }),
      () => request('GET', '/', undefined, { Upgrade: rng.pick(['h2c', 'foo', 'websocket']), Connection: 'Upgrade' }),
      () => request('GET', '/healthz') + request('GET', '/healthz', undefined, { Upgrade: 'foo', Connection: 'Upgrade' }),
      () => request(rng.pick(['PUT', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'BREW', 'HEAD']), `${EIO}polling`, rng.chance(0.5) ? 'abc' : undefined),
      () => request('GET', rng.pick(['/../../etc/passwd', '/%2e%2e/%00', '//', '/socket.io', '*', 'http://x/', '/%', '/?%zz=%']), undefined),
      () => rng.bytes(rng.below(600)),
      () => 'GET / HTTP/9.9\r\n\r\n',
      () => `GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
      () => '\r\n'.repeat(rng.below(50)),
    ])();
    if (rng.chance(0.3)) await line.drip(Buffer.from(whole).subarray(0, 500), rng);
    else line.write(whole);
    if (rng.chance(0.6)) await line.answer();
    await line.leave(rng);
  },

  async storm(_, actor) {
    const { rng } = actor;
    const lines = await Promise.all(Array.from({ length: 5 + rng.below(20) }, () => Line.open(actor)));
    const ws = rng.chance(0.5);
    for (const line of lines) line.write(request('GET', `${EIO}${ws ? 'websocket' : 'polling'}`, undefined, ws ? UPGRADE : {}));
    await sleep(rng.below(30));
    for (const line of lines) await line.leave(rng);
  },
};

const WITH_SESSION = new Set(['handshake', 'abortedPoll', 'overlap', 'posts', 'hugePost', 'upgradeCut', 'slowPoller']);

async function act(actor, end) {
  const names = Object.keys(scenarios);
  await sleep(actor.rng.below(200));
  while (Date.now() < end && actor.server.alive) {
    const name = actor.rng.pick(names);
    actor.done[name] ??= [0, 0]; // begun, and not cut off
    actor.done[name][0]++;
    try {
      await scenarios[name](WITH_SESSION.has(name) ? await session(actor) : null, actor);
      actor.done[name][1]++;
    } catch (error) {
      if (!(error instanceof Gone)) throw new Error(`seed ${SEED}, ${name}: ${error.message}`, { cause: error });
    }
    for (const line of [...actor.lines].slice(0, -20)) line.socket.destroy();
    await sleep(0); // where connecting fails at once, nothing else would turn the loop
  }
  for (const line of actor.lines) line.socket.destroy();
}

// Sets them all on a server; ends with the last of them.
async function swarm(server, end) {
  const rng = dice(SEED);
  const done = {};
  const actors = Array.from({ length: ACTORS }, () => ({
    server,
    port: server.port,
    rng: dice(rng.seed()),
    lines: new Set(),
    done,
  }));
  await Promise.all(actors.map((actor) => act(actor, end)));
  return done;
}

// --- the class, and what the server says of itself ------------------------------------------

const status = (server, name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]);
const megabytes = (server) => status(server, 'VmRSS') / 1024;
const descriptors = (server) => readdirSync(`/proc/${server.child.pid}/fd`).length;
const cpuMs = (server) => {
  const stat = readFileSync(`/proc/${server.child.pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

// Asks and speaks until told to stop; a call that is not answered rightly throws.
async function lesson(people, stopped) {
  const [teacher] = people;
  let spoken = 0;
  const asking = people.map(async (person) => {
    for (let n = 0; !stopped(); n++) {
      assert.equal(await person.ask('echo', n), n);
      await sleep(15);
    }
  });
  const speaking = (async () => {
    for (; !stopped(); spoken++) {
      const reached = await teacher.ask('send_to', { room: 'hall', event: 'lecture', args: [spoken] });
      assert.equal(reached, people.length);
      await sleep(10);
    }
  })();
  await Promise.all([...asking, speaking]);
  return spoken;
}

const limits = {
  'ping-interval': 2000,
  'ping-timeout': 8000,
  'close-timeout': 3000,
  'upgrade-timeout': 800,
  'connect-timeout': 3000,
  'header-timeout': 2000,
  'body-timeout': 2000,
  'keepalive-timeout': 2000,
  'max-http-buffer-size': MAX_PAYLOAD,
  'max-queue-bytes': 300_000,
};
const args = Object.entries(limits).flatMap(([name, value]) => [`--${name}`, String(value)]);

describe('chaos', () => {
  const room = useServer({
    example: false,
    args,
    env: { ASAN_OPTIONS: 'detect_leaks=1:exitcode=99:abort_on_error=0:quarantine_size_mb=16', MALLOC_ARENA_MAX: '1' },
  });

  it(`hurts nobody who behaves (seed ${SEED})`, { timeout: (SECONDS + 120) * 1000 }, async (t) => {
    const { server } = room;
    const people = await Promise.all(
      [WAYS[2], WAYS[0], WAYS[1], WAYS[2]].map(async ({ options }, i) => {
        const person = await room.join(`pupil${i}`, options);
        if (options.transports.length > 1) await upgraded(person);
        await person.ask('enter', 'hall');
        return person;
      }),
    );
    const before = { fds: descriptors(server), mb: megabytes(server) };

    const end = Date.now() + SECONDS * 1000;
    let over = false;
    const mob = swarm(server, end).finally(() => (over = true));
    const [spoken, done] = await Promise.all([lesson(people, () => over), mob]);

    for (const person of people) {
      await person.settle();
      assert.deepEqual(person.heard('disconnect'), [], `${person.id} was disconnected`);
      assert.deepEqual(person.heard('lecture'), Array.from({ length: spoken }, (_, i) => i), `${person.id} missed something`);
    }
    const health = await within(3000, fetch(`${server.url}/healthz`), () => 'no health');
    assert.equal(health.status, 200);
    await health.text();

    // Everything of the swarm goes with its last time-out.
    await until(() => descriptors(server) <= before.fds + 4, 'the connections are gone', 15_000);
    await until(async () => {
      const { sessions } = JSON.parse((await lectern(['status', '--json', '--port', String(server.port)])).stdout);
      return sessions.polling + sessions.websocket + sessions.closing === people.length;
    }, 'sessions of the swarm are left', 15_000);
    await until(async () => {
      const [at, spent] = [Date.now(), cpuMs(server)];
      await sleep(500);
      return cpuMs(server) - spent < 0.3 * (Date.now() - at);
    }, 'a moment without use of CPU', 10_000);
    const mb = megabytes(server);
    t.diagnostic(`seed ${SEED}: ${spoken} lectures, ${before.mb.toFixed(0)} -> ${mb.toFixed(0)} MB, ${JSON.stringify(done)}`);
    assert.ok(mb < before.mb + GROWTH_MB, `grew from ${before.mb} to ${mb} MB`);
    for (const person of people) assert.deepEqual(person.heard('disconnect'), []);
    await server.stop();
    const [, left] = /stopping; clients: (\d+)/.exec(server.log);
    assert.equal(Number(left), people.length, 'sessions of the swarm are left');
  });
});

describe('chaos at the end', () => {
  const room = useServer({ example: false, args: [...args, '--drain-timeout', '2000'] });

  for (const signals of [1, 2]) {
    it(`a server that is told to stop ${signals === 1 ? 'once' : 'twice'} stops in the middle of it (seed ${SEED})`, async () => {
      if (!room.server.alive) await room.restart();
      const { server } = room;
      const pupil = await room.join('pupil');
      await upgraded(pupil);
      const mob = swarm(server, Date.now() + 60_000);
      await sleep(1500);
      server.signal('SIGTERM');
      await server.logged(/stopping; clients: \d+/);
      if (signals === 2) server.signal('SIGTERM');
      await server.exit(8000);
      await mob;
      assert.equal(pupil.heard('disconnect').length, 1);
    });
  }
});

describe('strangers', () => {
  const room = useServer({ example: false, args: ['--max-connections', '40'] });

  it('who never say who they are keep out nobody who does', async () => {
    const early = await room.join('early', { transports: ['polling'] });
    const actor = { port: room.server.port, rng: dice(SEED), lines: new Set() };
    const line = await Line.open(actor);
    for (let i = 0; i < 300; i++) {
      line.write(request('GET', `${EIO}polling`));
      assert.equal((await line.answer()).status, 200);
      if (i % 100 === 50) await (await room.join(`late${i}`)).settle();
    }
    await early.settle();
    assert.deepEqual(early.heard('disconnect'), []);
    line.socket.destroy();
  });

  it('are not asked for their token for ever', async () => {
    const from = room.server.log.length;
    const raw = await RawWebSocket.open(room.server.port);
    for (let i = 0; i < 2000; i++) raw.send('40{"token":"x"}');
    await within(5000, raw.closed, () => 'it stays open');
    const lines = room.server.log.slice(from).split('\n').length;
    assert.ok(lines < 50, `${lines} lines in the log`);
  });
});
