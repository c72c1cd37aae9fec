// Debian's Apache as reverse proxy in front of one server.
import { Proxy } from './proxy.mjs';

const MODULES = ['mpm_event', 'authz_core', 'headers', 'proxy', 'proxy_http', 'proxy_wstunnel', 'socache_shmcb', 'ssl'];

export class Apache extends Proxy {
  static command(dir, config) {
    return ['/usr/sbin/apache2', '-f', config, '-D', 'FOREGROUND'];
  }

  static config({ dir, port, tls, upstreams: [upstream], mark }) {
    return `
ServerRoot ${dir}
DefaultRuntimeDir ${dir}
PidFile ${dir}/apache.pid
ErrorLog ${dir}/error.log
LogLevel crit
ServerName localhost
# As root it would not serve; who is not root stays who they are.
User www-data
Group www-data
${MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
StartServers 1
MinSpareThreads 1
MaxSpareThreads 75
KeepAliveTimeout 60
MaxKeepAliveRequests 0
GracefulShutdownTimeout 1
Listen 127.0.0.1:${port}
${tls ? `SSLEngine on\nSSLCertificateFile ${dir}/cert.pem\nSSLCertificateKeyFile ${dir}/key.pem` : ''}
ProxyPreserveHost On
RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}
${mark ? `RequestHeader set X-Probe ${mark}` : ''}
ProxyPass / http://127.0.0.1:${upstream}/ upgrade=websocket flushpackets=on nocanon
`;
  }
}
