import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, loadEnv, type Plugin } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));
const ADDRESS = "'http://localhost:3001'"; // as the guide's hook has it

// src/useWebSocket.ts is the guide's, word for word, with the server's address in it. VITE_LECTERN_URL puts another
// one in its place, in what the browser gets.
function serverAddress(url: string): Plugin {
  return {
    name: 'lectern-server-address',
    enforce: 'pre',
    transform(code, id) {
      if (!id.split('?')[0]!.endsWith('/src/useWebSocket.ts')) return null;
      if (!code.includes(ADDRESS)) this.error(`src/useWebSocket.ts has no ${ADDRESS} that VITE_LECTERN_URL could take the place of`);
      return { code: code.replaceAll(ADDRESS, JSON.stringify(url)), map: null };
    },
  };
}

export default defineConfig(({ mode }) => {
  const { VITE_LECTERN_URL: url } = loadEnv(mode, here);
  return {
    root: here,
    plugins: [react(), ...(url ? [serverAddress(url)] : [])],
    resolve: { alias: { 'lectern-inbox': `${here}../elearning/public/inbox.js` } },
    // 3000 is what the guide's FRONTEND_URL says.
    server: { port: 3000, strictPort: true, fs: { allow: [here, `${here}../elearning/public`] } },
    preview: { port: 3000, strictPort: true },
  };
});
