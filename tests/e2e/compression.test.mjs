// Large answers to polls are compressed for clients that take it (httpCompression of the reference), and so
// are static files; nothing else is. Browsers do: tests/browser/client.test.mjs.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, curl } from './support/http.mjs';
import { useServer } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';

const PAGE = `<!doctype html>${'<p>the same again</p>'.repeat(100)}`;
const files = { 'public/index.html': PAGE, 'public/small.html': '<p>hi', 'public/noise.png': 'x'.repeat(5000) };

// A polling client by hand, which says what it takes.
class Poller {
  constructor(server, accept) {
    this.server = server;
    this.headers = accept ? { 'Accept-Encoding': accept } : {};
    this.path = '/socket.io/?EIO=4&transport=polling';
  }

  async join(id) {
    this.opened = await this.poll();
    this.path += `&sid=${JSON.parse(this.opened.body.subarray(1)).sid}`;
    await this.post(`40${JSON.stringify({ token: tokenFor(id) })}`);
    assert.match(String((await this.poll()).body), /^40\{/);
  }

  poll() {
    return ask(this.server, this.path, { headers: this.headers });
  }

  async post(body) {
    const answer = await ask(this.server, this.path, { method: 'POST', body, headers: { ...this.headers, 'Content-Length': Buffer.byteLength(body) } });
    assert.equal(String(answer.body), 'ok');
    assert.equal(answer.headers['content-encoding'], undefined);
  }

  // What the server says to an echo of this value.
  async echo(value) {
    await this.post(`420["echo",${JSON.stringify(value)}]`);
    const answer = await this.poll();
    assert.equal(answer.status, 200);
    assert.equal(Number(answer.headers['content-length']), answer.raw.length);
    assert.equal(answer.headers['transfer-encoding'], undefined);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal(answer.headers['content-type'], 'text/plain; charset=UTF-8');
    assert.deepEqual(JSON.parse(answer.body.subarray(3)), [value]);
    return answer;
  }
}

describe('answers to polls', () => {
  const room = useServer({ example: false, files });

  for (const [accept, coding] of [
    ['gzip', 'gzip'],
    ['deflate', 'deflate'],
    ['gzip, deflate, br, zstd', 'gzip'],
    ['deflate, gzip;q=0', 'deflate'],
    ['gzip;q=0.2, deflate;q=0.8', 'deflate'],
    ['*', 'gzip'],
    ['br', undefined],
    ['identity', undefined],
    ['gzip;q=0', undefined],
    [undefined, undefined],
  ]) {
    it(`Accept-Encoding: ${accept ?? '(none)'} gets ${coding ?? 'them as they are'}`, async () => {
      const ada = new Poller(room.server, accept);
      await ada.join('ada');
      assert.equal(ada.opened.headers['content-encoding'], undefined, 'the handshake is small');
      const small = await ada.echo('hm');
      assert.equal(small.headers['content-encoding'], undefined);
      for (const value of ['light bends '.repeat(500), Array.from({ length: 3000 }, (_, n) => ({ n, text: 'ä€😀' })), 'last '.repeat(400)]) {
        const large = await ada.echo(value);
        assert.equal(large.headers['content-encoding'], coding);
        assert.equal(large.headers.vary.includes('Accept-Encoding'), true);
        if (coding) assert.ok(large.raw.length < large.body.length / 4, `${large.raw.length} of ${large.body.length}`);
      }
    });
  }

  it('are compressed from 1,024 bytes on', async () => {
    const ada = new Poller(room.server, 'gzip');
    await ada.join('ada');
    const packet = '430["x"]'.length - 1;
    assert.equal((await ada.echo('x'.repeat(1023 - packet))).headers['content-encoding'], undefined);
    assert.equal((await ada.echo('x'.repeat(1024 - packet))).headers['content-encoding'], 'gzip');
  });

  it('stay as they are where it would not help', async () => {
    const ada = new Poller(room.server, 'gzip');
    await ada.join('ada');
    const noise = Array.from({ length: 3000 }, (_, n) => String.fromCodePoint(0x4e00 + ((n * 2654435761) >>> 7) % 20000)).join('');
    const answer = await ada.echo(noise);
    assert.ok(answer.raw.length <= answer.body.length);
  });

  it('reach many clients, each what it takes', async () => {
    const pollers = [];
    for (const accept of ['gzip', undefined, 'gzip', 'deflate', 'gzip']) {
      const one = new Poller(room.server, accept);
      await one.join(`p${pollers.length}`);
      await one.post('42["enter","hall"]');
      pollers.push(one);
    }
    await Promise.all(pollers.map((one) => one.echo('here'))); // all of them have entered
    const polls = pollers.map((one) => one.poll());
    const text = 'to all '.repeat(1000);
    const eve = await room.join('eve');
    await eve.ask('send_to', { room: 'hall', event: 'news', args: [text] });
    for (const [i, poll] of (await Promise.all(polls)).entries()) {
      assert.equal(String(poll.body), `42["news","${text}"]`);
      assert.equal(poll.headers['content-encoding'], pollers[i].headers['Accept-Encoding']);
    }
  });

  it('come to the node client as ever', async () => {
    const ada = await room.join('ada', { transports: ['polling'] });
    const text = 'light bends '.repeat(5000);
    assert.equal(await ada.ask('echo', text), text);
    const bytes = Buffer.alloc(200_000, 'abc');
    assert.deepEqual(await ada.ask('echo', bytes), bytes);
  });
});

describe('static files', () => {
  const room = useServer({ example: false, files });

  it('are compressed, if they are text and large enough', async () => {
    for (const [path, accept, coding] of [
      ['/', 'gzip, deflate, br', 'gzip'],
      ['/', 'deflate', 'deflate'],
      ['/', undefined, undefined],
      ['/small.html', 'gzip', undefined],
      ['/noise.png', 'gzip', undefined],
    ]) {
      const got = await ask(room.server, path, { headers: accept ? { 'Accept-Encoding': accept } : {} });
      assert.deepEqual([got.status, got.headers['content-encoding']], [200, coding]);
      assert.ok(Buffer.from(files[`public/${path === '/' ? 'index.html' : path.slice(1)}`]).equals(got.body));
      const again = await ask(room.server, path, { headers: { 'If-None-Match': got.headers.etag } });
      assert.equal(again.status, 304);
    }
    assert.equal(String(await curl('--compressed', '--http1.0', `${room.server.url}/`)), PAGE);
  });
});

describe('with http.compression off', () => {
  const room = useServer({ example: false, files, args: ['--no-http-compression'] });

  it('all is sent as it is', async () => {
    const ada = new Poller(room.server, 'gzip');
    await ada.join('ada');
    const answer = await ada.echo('light bends '.repeat(500));
    const page = await ask(room.server, '/', { headers: { 'Accept-Encoding': 'gzip' } });
    for (const one of [answer, page]) assert.equal(one.headers['content-encoding'], undefined);
    assert.ok(!/Accept-Encoding/.test(answer.headers.vary));
  });
});

describe('with another threshold', () => {
  const room = useServer({ example: false, args: ['--http-compression-threshold', '100'] });

  it('smaller answers are compressed too', async () => {
    const ada = new Poller(room.server, 'gzip');
    await ada.join('ada');
    assert.equal((await ada.echo('x'.repeat(200))).headers['content-encoding'], 'gzip');
    assert.equal((await ada.echo('x'.repeat(50))).headers['content-encoding'], undefined);
  });
});
