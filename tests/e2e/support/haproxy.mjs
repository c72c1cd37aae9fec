// Debian's HAProxy as reverse proxy in front of servers. Option `send`: `send-proxy` or `send-proxy-v2`, to tell the
// client's address by PROXY protocol; otherwise X-Forwarded-For tells it. `secure`: it speaks TLS to the servers.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Proxy } from './proxy.mjs';

// It wants certificate and key in one file.
function joined(dir) {
  const file = path.join(dir, 'both.pem');
  writeFileSync(file, ['cert', 'key'].map((name) => readFileSync(path.join(dir, `${name}.pem`), 'utf8')).join(''));
  return file;
}

export class Haproxy extends Proxy {
  static command(dir, config) {
    return ['/usr/sbin/haproxy', '-db', '-q', '-f', config];
  }

  static config({ dir, port, tls, upstreams, mark, send = '', secure = false }) {
    return `
global
  maxconn 1000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend clients
  bind 127.0.0.1:${port}${tls ? ` ssl crt ${joined(dir)} alpn http/1.1` : ''}
  ${send ? '' : 'option forwardfor'}
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  ${mark ? `http-request set-header X-Probe ${mark}` : ''}
  default_backend lectern
backend lectern
  balance source
  ${upstreams.map((one) => `server s${one} 127.0.0.1:${one} ${send} ${secure ? 'ssl verify none' : ''}`).join('\n  ')}
`;
  }
}
