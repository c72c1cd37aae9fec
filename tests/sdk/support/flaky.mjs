// An HTTP proxy in front of a server that does to each request, in turn, what its plan says:
//
//   pass        forwards it, and the answer
//   refuse      resets the connection before a byte of the request is read
//   drop        reads the request, forwards nothing, resets the connection
//   lose        forwards it, waits for the answer, and resets the connection in place of giving it
//   cut         forwards it, and breaks the connection in the middle of the answer
//   hang        forwards it and never answers
//   { status, headers, body }   answers so itself
import { createServer, request } from 'node:http';

export class FlakyProxy {
  /** What comes next; when nothing is left, requests pass. */
  plan = [];
  /** { way, url, key, authorization, status } of each request. */
  seen = [];
  onRequest = () => undefined;

  static async start(port) {
    const proxy = new FlakyProxy();
    proxy.server = createServer({ keepAliveTimeout: 60_000 }, (incoming, outgoing) => proxy.handle(port, incoming, outgoing));
    proxy.server.on('connection', (socket) => {
      if (proxy.plan[0] !== 'refuse') return;
      proxy.seen.push({ way: proxy.plan.shift() });
      socket.resetAndDestroy();
    });
    await new Promise((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    proxy.url = `http://127.0.0.1:${proxy.server.address().port}`;
    return proxy;
  }

  async handle(port, incoming, outgoing) {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const way = this.plan.shift() ?? 'pass';
    const { url, method, headers, socket } = incoming;
    const entry = { way, url, key: headers['idempotency-key'], authorization: headers.authorization };
    this.seen.push(entry);
    this.onRequest(entry);
    if (way === 'drop') return socket.resetAndDestroy();
    if (typeof way === 'object') return outgoing.writeHead(way.status, way.headers).end(way.body);
    const answer = await new Promise((resolve, reject) => {
      request({ port, host: '127.0.0.1', path: url, method, headers, agent: false }, resolve).once('error', reject).end(Buffer.concat(chunks));
    });
    const parts = [];
    for await (const part of answer) parts.push(part);
    entry.status = answer.statusCode;
    if (way === 'lose') return socket.resetAndDestroy();
    if (way === 'hang') return undefined;
    if (way === 'cut') {
      const body = Buffer.concat(parts);
      outgoing.writeHead(answer.statusCode, { ...answer.headers, 'content-length': body.length });
      return outgoing.write(body.subarray(0, body.length / 2), () => socket.resetAndDestroy());
    }
    return outgoing.writeHead(answer.statusCode, answer.headers).end(Buffer.concat(parts));
  }

  /** Forgets what it saw; what comes next is `plan`. */
  expect(...plan) {
    this.plan = plan;
    this.seen = [];
    this.onRequest = () => undefined;
    if (plan.includes('refuse')) this.server.closeIdleConnections(); // it is for new ones
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
