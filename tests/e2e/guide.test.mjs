// The guide's snippets for clients (tests/e2e/guide, word for word), run with the real socket.io-client; tests/sdk runs
// those for back ends.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { io } from 'socket.io-client';
import { environmentOf, FILES, guideBlocks, snippetFiles, snippetText } from './support/guide.mjs';
import { Person } from './support/person.mjs';
import { EXAMPLE, Server } from './support/process.mjs';
import { runSnippet } from './support/snippet.mjs';
import { useServer } from './support/suite.mjs';
import { inSeconds, sign, tokenFor } from './support/tokens.mjs';
import { PATIENCE, until } from './support/wait.mjs';

process.env.NODE_ENV = 'production'; // React without its development warnings

// A console that keeps what a snippet prints, and the sockets that a snippet makes.
const staged = [];
function stage() {
  const lines = [];
  const sockets = [];
  staged.push(sockets);
  return {
    lines,
    sockets,
    console: { log: (...args) => lines.push(args), error: (...args) => lines.push(args) },
    modules: {
      'socket.io-client': {
        io: (url, options) => {
          const socket = io(url, { ...options, forceNew: true });
          sockets.push(socket);
          return socket;
        },
      },
    },
    printed: (label) => until(() => lines.find(([first]) => first === label), `the snippet prints ${label}`),
  };
}

describe("the guide's blocks", () => {
  const blocks = guideBlocks();

  it('are the files that run, byte for byte, and there are no others', () => {
    assert.deepEqual(blocks.map(({ heading }) => heading), Object.keys(FILES));
    for (const { heading, text } of blocks) assert.equal(snippetText(FILES[heading]), text, heading);
    assert.deepEqual(snippetFiles(), Object.values(FILES).sort());
  });

  it('environment: a server runs with it as it stands', async () => {
    const env = { ...environmentOf('environment.env'), ...environmentOf('debug.env') };
    const server = await Server.start({ dir: EXAMPLE, env });
    try {
      const token = sign({ sub: 'ada', exp: inSeconds(60) }, { key: env.JWT_SECRET });
      const from = (origin, own) => new Person(server, 'ada', { token: own ?? token, transports: ['websocket'], extraHeaders: { origin } });
      const ada = from(env.FRONTEND_URL);
      assert.equal((await ada.hear('connected')).userId, 'ada');
      for (const refused of [from('https://elsewhere.example'), from(env.FRONTEND_URL, tokenFor('ada'))]) await refused.hear('connect_error');
      ada.close();
      assert.match(server.log, /socket\.io:socket/);
      assert.match(server.log, /JWT_SECRET is short enough to be guessed/);
    } finally {
      await server.stop();
    }
  });
});

describe('the guide', () => {
  const room = useServer({ args: ['--typing-interval', '0'] });

  afterEach(() => {
    for (const socket of staged.splice(0).flat()) socket.disconnect();
  });

  it('client: connects, hears connected and notifications, joins, types', async () => {
    const mate = await room.join('mate');
    assert.equal((await mate.ask('join_room', { room: 'course:123' })).ok, true);
    const { modules, console, printed } = stage();
    await runSnippet('client.ts', {
      replace: { 'http://localhost:3001': room.url, 'your-jwt-token': tokenFor('user-123') },
      modules,
      names: { console },
    });
    const [, connected] = await printed('Connected:');
    assert.equal(connected.userId, 'user-123');
    assert.deepEqual(Object.keys(connected).sort(), ['epoch', 'message', 'rev', 'socketId', 'unreadCount', 'userId']);

    const typing = { room: 'course:123', discussionId: 'discussion-456', userId: 'user-123' };
    assert.deepEqual(await mate.hear('typing_indicator'), { ...typing, isTyping: true });
    assert.deepEqual(await mate.hear('typing_indicator'), { ...typing, isTyping: false });

    await mate.ask('api', 'createNotification', [{ userId: 'user-123', type: 'HELLO', title: 'Hi', message: 'there' }]);
    const [, notification] = await printed('New notification:');
    assert.equal(notification.title, 'Hi');
  });

  it('React hook: isConnected follows the connection', async () => {
    const { createElement } = await import('react');
    const { create } = (await import('react-test-renderer')).default;
    const { modules, sockets } = stage();
    const { useWebSocket } = await runSnippet('use-websocket.tsx', {
      replace: { 'http://localhost:3001': room.url },
      modules,
    });
    const shown = [];
    const Probe = ({ token }) => {
      shown.push(useWebSocket(token));
      return null;
    };
    const token = tokenFor('hooked');
    const tree = create(createElement(Probe, { token }));
    await until(() => shown.length > 0, 'the first render');
    assert.deepEqual(shown[0], { socket: null, isConnected: false });
    await until(() => shown.at(-1).isConnected, 'the hook says connected');
    assert.equal(shown.at(-1).socket, sockets[0]);

    // Another token: the effect cleans up and connects anew, as the other person.
    tree.update(createElement(Probe, { token: tokenFor('another') }));
    await until(() => sockets.length === 2 && sockets[1].connected, 'the hook connects anew');
    await until(() => !sockets[0].connected, 'the first socket is closed');
    const who = await sockets[1].timeout(5000 * PATIENCE).emitWithAck('who_am_i');
    assert.equal(who.user.id, 'another');

    // The server ends it: the hook says so.
    sockets[1].emit('kick', false);
    await until(() => !shown.at(-1).isConnected, 'the hook says disconnected');
    tree.unmount();
    await until(() => !sockets[1].active, 'the socket is closed on unmount');
  });

  it('joining rooms and error handling: refusals arrive as the event error', async () => {
    const { lines, console, printed } = stage();
    const ada = await room.join('ada');
    const mate = await room.join('mate');
    await runSnippet('error-handling.ts', { names: { socket: ada.socket, console } });
    await runSnippet('joining-rooms.ts', { names: { socket: ada.socket } });
    await ada.settle();
    assert.deepEqual((await ada.ask('who_am_i')).rooms.sort(), [ada.socket.id, 'course:123', 'live-session:456', 'user:ada'].sort());
    assert.equal(lines.length, 0);

    ada.emit('join_room', { room: 'user:mate' });
    const [, error] = await printed('WebSocket error:');
    assert.equal(error.event, 'join_room');
    assert.equal(error.code, 'forbidden');
    assert.equal(typeof error.message, 'string');
    await mate.settle();
  });

  it('authentication: a good token gets in, the placeholder does not', async () => {
    const { modules, console, printed, lines, sockets } = stage();
    const good = { replace: { 'http://localhost:3001': room.url, 'your-jwt-token': tokenFor('eve') }, names: { io: modules['socket.io-client'].io } };
    await runSnippet('authentication.ts', good);
    await until(() => sockets[0].connected, 'the good token gets in');

    await runSnippet('authentication.ts', { ...good, replace: { 'http://localhost:3001': room.url } });
    await runSnippet('error-handling.ts', { names: { socket: sockets[1], console } });
    const [, error] = await printed('Connection error:');
    assert.ok(error instanceof Error);
    assert.notEqual(error.message, '');
    assert.equal(lines.length, 1);
  });
});
