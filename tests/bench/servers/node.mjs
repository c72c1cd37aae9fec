// usage: node node.mjs PORT SECRET [CERT KEY]
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { Server } from 'socket.io';
import { relay } from './relay.mjs';

const [port, secret, cert, key] = process.argv.slice(2);
const server = cert ? https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }) : http.createServer();
relay(new Server(server, { serveClient: false }), secret);
server.listen(Number(port), '127.0.0.1', 4096, () => console.log('listening'));
