// Debian's nginx as reverse proxy in front of servers: one process on loopback, all of its files in
// a directory of its own. The proxying lines are those that the README gives.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until, within } from './wait.mjs';

const BINARY = ['/usr/sbin/nginx', '/usr/bin/nginx'].find(existsSync) ?? 'nginx';

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const accepts = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

const config = (dir, port, tls, upstreams) => `
daemon off;
master_process off;
pid ${dir}/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`).join('\n  ')}
  map $http_upgrade $connection_upgrade {
    default upgrade;
    ''      '';
  }
  upstream lectern {
    ip_hash;
    ${upstreams.map((one) => `server 127.0.0.1:${one} max_fails=0;`).join('\n    ')}
    keepalive 16;
  }
  server {
    listen 127.0.0.1:${port}${tls ? ' ssl' : ''};
    ${tls ? `ssl_certificate ${dir}/cert.pem; ssl_certificate_key ${dir}/key.pem;` : ''}
    location / {
      proxy_pass http://lectern;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_next_upstream error timeout http_503 non_idempotent;
      proxy_buffering off;
      client_max_body_size 2m;
    }
  }
}
`;

export class Nginx {
  // Upstreams are ports. In front of them may stand { cert, key }, PEM texts, to speak TLS with.
  static async start(...upstreams) {
    const tls = typeof upstreams[0] === 'object' ? upstreams.shift() : null;
    const nginx = new Nginx();
    nginx.dir = mkdtempSync(path.join(tmpdir(), 'lectern-nginx-'));
    nginx.port = await freePort();
    nginx.url = `http${tls ? 's' : ''}://127.0.0.1:${nginx.port}`;
    for (const [name, text] of Object.entries(tls ?? {})) writeFileSync(path.join(nginx.dir, `${name}.pem`), text);
    const file = path.join(nginx.dir, 'nginx.conf');
    writeFileSync(file, config(nginx.dir, nginx.port, tls, upstreams));
    nginx.child = spawn(BINARY, ['-p', nginx.dir, '-c', file, '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'pipe'] });
    nginx.log = '';
    nginx.child.stderr.setEncoding('utf8').on('data', (text) => (nginx.log += text));
    nginx.ended = new Promise((resolve) => nginx.child.once('close', resolve).once('error', (error) => resolve((nginx.log += error))));
    await until(() => {
      if (nginx.child.exitCode !== null || nginx.child.pid === undefined) throw new Error(`nginx ended:\n${nginx.log}`);
      return accepts(nginx.port);
    }, 'nginx listens');
    return nginx;
  }

  async stop() {
    this.child.kill('SIGTERM');
    await within(5000, this.ended, () => 'nginx does not end');
    rmSync(this.dir, { recursive: true, force: true });
  }
}
