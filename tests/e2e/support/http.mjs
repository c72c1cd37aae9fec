// Plain HTTP to a server: the bytes as they came, and what they hold.
import { execFile } from 'node:child_process';
import http from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

const decode = { gzip: gunzipSync, deflate: inflateSync, br: brotliDecompressSync };

// { status, headers, raw, body }: body is decoded by its Content-Encoding. Nothing is asked for but what
// `headers` say.
export function ask(server, path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: server.port, path, method, headers, agent: false }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const raw = Buffer.concat(chunks);
        const coding = decode[response.headers['content-encoding']];
        resolve({ status: response.statusCode, headers: response.headers, raw, body: coding && raw.length > 0 ? coding(raw) : raw });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

// What the real curl says to these arguments, on its standard output.
export async function curl(...args) {
  const { stdout } = await promisify(execFile)('curl', ['-sS', '--max-time', '30', ...args], { encoding: 'buffer', maxBuffer: 2e7 });
  return stdout;
}
