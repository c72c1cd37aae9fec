// Certificates made by openssl: authorities, and what they sign.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const KEYS = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:2048'],
  'rsa-1024': ['-newkey', 'rsa:1024'],
};

export class Authority {
  constructor(name) {
    this.dir = mkdtempSync(path.join(tmpdir(), 'lectern-tls-'));
    this.file = path.join(this.dir, 'ca.pem');
    this.openssl('req', '-x509', ...KEYS.ec, '-nodes', '-keyout', 'ca-key.pem', '-out', 'ca.pem', '-days', '2', '-subj', `/CN=${name}`);
    this.pem = readFileSync(this.file);
  }

  openssl(...args) {
    execFileSync('openssl', args, { cwd: this.dir, stdio: 'pipe' });
  }

  // { cert, key }: PEM texts. `chain` puts an authority of its own in between.
  issue(name, { kind = 'ec', chain = false, password } = {}) {
    const sign = (subject, extensions, ca, out, key) => {
      writeFileSync(path.join(this.dir, 'ext'), extensions);
      const secret = password && key === 'key' ? ['-passout', `pass:${password}`] : ['-nodes'];
      this.openssl('req', '-utf8', ...KEYS[kind], ...secret, '-keyout', `${key}.pem`, '-out', 'request.pem', '-subj', `/CN=${subject}`);
      this.openssl('x509', '-req', '-in', 'request.pem', '-CA', `${ca}.pem`, '-CAkey', `${ca}-key.pem`, '-CAcreateserial', '-days', '1',
        '-extfile', 'ext', '-out', `${out}.pem`);
    };
    if (chain) sign('between', 'basicConstraints=critical,CA:TRUE', 'ca', 'between', 'between-key');
    sign(name, 'subjectAltName=DNS:localhost,IP:127.0.0.1', chain ? 'between' : 'ca', 'cert', 'key');
    const read = (file) => readFileSync(path.join(this.dir, `${file}.pem`), 'utf8');
    return { cert: read('cert') + (chain ? read('between') : ''), key: read('key') };
  }

  remove() {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
