// Debian's nginx as reverse proxy in front of servers. The proxying lines are those that the README gives.
import { existsSync } from 'node:fs';
import { Proxy } from './proxy.mjs';

const BINARY = ['/usr/sbin/nginx', '/usr/bin/nginx'].find(existsSync) ?? 'nginx';

export class Nginx extends Proxy {
  static command(dir, config) {
    return [BINARY, '-p', dir, '-c', config, '-e', 'stderr'];
  }

  static config({ dir, port, tls, upstreams, mark }) {
    return `
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
      ${mark ? `proxy_set_header X-Probe ${mark};` : ''}
      proxy_next_upstream error timeout http_503 non_idempotent;
      proxy_buffering off;
      client_max_body_size 2m;
    }
  }
}
`;
  }
}
