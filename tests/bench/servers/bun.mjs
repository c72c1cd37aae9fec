// usage: bun bun.mjs PORT SECRET [CERT KEY]
import { Server as Engine } from '@socket.io/bun-engine';
import { Server } from 'socket.io';
import { relay } from './relay.mjs';

const [port, secret, cert, key] = process.argv.slice(2);
const engine = new Engine({ path: '/socket.io/' });
const io = new Server();
io.bind(engine);
relay(io, secret);
Bun.serve({
  ...engine.handler(),
  port: Number(port),
  hostname: '127.0.0.1',
  tls: cert ? { cert: Bun.file(cert), key: Bun.file(key) } : undefined,
});
console.log('listening');
