// A server that ours asks: whatever a test wants it to answer, and what it was asked.
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { once } from 'node:events';
import { until } from './wait.mjs';

export class Origin {
  // tls: { cert, key }. Answers by `answer`, a function of (request, response, body), which a test may change.
  static async start({ tls, answer = (_, response) => response.end('hello'), port = 0 } = {}) {
    const origin = new Origin();
    origin.answer = answer;
    origin.requests = []; // { method, url, headers, body, closed }
    origin.tls = tls;
    await origin.listen(port);
    return origin;
  }

  async listen(port = this.port) {
    const serve = async (request, response) => {
      const { method, url, headers } = request;
      const note = { method, url, headers, body: '', closed: false };
      this.requests.push(note);
      response.on('close', () => (note.closed = true));
      request.setEncoding('utf8').on('data', (text) => (note.body += text));
      await once(request, 'end');
      this.answer(request, response, note.body);
    };
    this.server = this.tls ? createSecureServer(this.tls, serve) : createServer(serve);
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
    this.url = `${this.tls ? 'https' : 'http'}://localhost:${this.port}`;
  }

  // Nobody is there any more, until `listen`.
  async close() {
    if (!this.server) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    this.server = null;
    await closed;
  }

  // Waits until it was asked so many times.
  asked(n) {
    return until(() => this.requests.length >= n, `${n} requests`);
  }
}
