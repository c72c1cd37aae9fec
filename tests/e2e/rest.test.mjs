// The bell over HTTP, as the platform's front end asks for it: each person with their own token.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { call, request, serviceToken } from './support/api.mjs';
import { useServer } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';

describe('the bell over HTTP', () => {
  const room = useServer();
  const as = (id, claims) => {
    const token = tokenFor(id, { role: 'student', ...claims });
    return (method, path, options) => request(room, method, path, { token, ...options });
  };
  const notify = async (userId, title, more) => {
    const { status, body } = await call(room, 'create_notification', [{ userId, title, message: 'm', ...more }]);
    assert.equal(status, 200);
    return body.result;
  };

  it('lists page by page, newest first, as the front end reads it', async () => {
    for (let i = 1; i <= 5; i += 1) await notify('ada', `t${i}`, { type: 'NEW_LECTURE', data: { n: i }, actionUrl: `/l/${i}` });
    await notify('bob', 'not for ada');
    const { status, body, headers } = await as('ada')('GET', '/notifications?page=2&limit=2');
    assert.equal(status, 200);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.deepEqual(body.notifications.map((n) => n.title), ['t3', 't2']);
    assert.deepEqual(body.pagination, { page: 2, limit: 2, total: 5, pages: 3 });
    assert.equal(body.unreadCount, 5);
    const { id, createdAt, ...shown } = body.notifications[0];
    assert.deepEqual(shown, { type: 'NEW_LECTURE', title: 't3', message: 'm', data: { n: 3 }, priority: 'NORMAL', actionUrl: '/l/3', isRead: false });
    assert.equal(new Date(createdAt).toISOString(), createdAt);
    assert.equal(typeof id, 'string');
    assert.deepEqual((await as('ada')('GET', '/notifications')).body.pagination, { page: 1, limit: 20, total: 5, pages: 1 });
    assert.deepEqual((await as('ada')('GET', '/notifications?page=9&limit=2')).body.notifications, []);
    assert.deepEqual((await as('nobody')('GET', '/notifications')).body.pagination, { page: 1, limit: 20, total: 0, pages: 0 });
  });

  it('refuses pages that are no numbers', async () => {
    for (const query of ['page=x', 'page=-1', 'page=1.5', 'page=', 'page=0x10', `page=${'9'.repeat(400)}`, 'limit=all', 'limit=1e3', 'page=%FF']) {
      const { status, body } = await as('ada')('GET', `/notifications?${query}`);
      assert.deepEqual([status, body.error.code], [400, 'invalid'], query);
    }
    for (const query of ['page=0', 'limit=0', 'limit=1000000', 'page=1&page=2', 'other=1']) {
      assert.equal((await as('ada')('GET', `/notifications?${query}`)).status, 200, query);
    }
  });

  it('reads, reads all, deletes; every device hears it, and nothing of others is touched', async () => {
    const tab = await room.join('cleo');
    const [one, two, three] = [await notify('cleo', 'one'), await notify('cleo', 'two'), await notify('cleo', 'three')];
    const cleo = as('cleo');
    assert.deepEqual((await cleo('GET', '/notifications/unread-count')).body, { unreadCount: 3 });
    const { status, body } = await cleo('POST', `/notifications/${one.id}/read`);
    assert.deepEqual([status, body.count, body.unreadCount, body.rev], [200, 1, 2, three.rev + 1]);
    assert.deepEqual(await tab.hear('unread_count'), { unreadCount: 2, rev: three.rev + 1, readIds: [one.id] });
    assert.equal((await cleo('POST', `/notifications/${one.id}/read`)).body.count, 0);

    const dan = as('dan');
    for (const id of [two.id, 'no-such', '%01', '..%2F', '%F0%9F%98%80']) {
      const { status: read, body: none } = await dan('POST', `/notifications/${id}/read`);
      assert.ok(read === 200 ? none.count === 0 : read === 400, id); // none of dan's: no error, as the platform has it
      assert.equal((await dan('DELETE', `/notifications/${id}`)).status, 404, id);
    }
    for (const id of ['%FF', '%C3%28', '%ED%A0%80']) {
      assert.equal((await dan('POST', `/notifications/${id}/read`)).status, 400, id);
      assert.equal((await dan('DELETE', `/notifications/${id}`)).status, 400, id);
    }
    assert.deepEqual((await cleo('GET', '/notifications/unread-count')).body, { unreadCount: 2 });

    assert.equal((await cleo('DELETE', `/notifications/${two.id}`)).body.unreadCount, 1);
    assert.deepEqual((await tab.hear('unread_count')).removedIds, [two.id]);
    assert.equal((await cleo('DELETE', `/notifications/${two.id}`)).status, 404);
    const all = await cleo('POST', '/notifications/mark-all-read');
    assert.deepEqual([all.status, all.body.count, all.body.unreadCount], [200, 1, 0]);
    assert.equal((await tab.hear('unread_count')).allRead, true);
    assert.deepEqual((await cleo('GET', '/notifications')).body.notifications.map((n) => [n.title, n.isRead]), [['three', true], ['one', true]]);
  });

  it('sends a test, which arrives', async () => {
    const tab = await room.join('eve');
    const { status, body } = await as('eve')('POST', '/websocket/test-notification');
    assert.equal(status, 200);
    assert.deepEqual([body.type, body.isRead], ['TEST', false]);
    assert.equal((await tab.hear('notification')).id, body.id);
  });

  it('says who is online: oneself to everybody, all of them to staff', async () => {
    const fay = as('fay');
    assert.deepEqual((await fay('GET', '/websocket/status')).body, { userId: 'fay', isOnline: false, totalOnlineUsers: 0 });
    const tab = await room.join('fay');
    await room.join('fay');
    assert.deepEqual((await fay('GET', '/websocket/status')).body, { userId: 'fay', isOnline: true, totalOnlineUsers: 1 });
    const { status, body } = await fay('GET', '/websocket/status/all');
    assert.deepEqual([status, body.error.code], [403, 'forbidden']);
    const all = await as('tom', { role: 'teacher' })('GET', '/websocket/status/all');
    assert.equal(all.status, 200);
    assert.equal(all.body.totalConnected, 1);
    const [{ userId, socketId, isOnline }] = all.body.connectedUsers;
    assert.deepEqual([userId, isOnline, typeof socketId], ['fay', true, 'string']);
    assert.ok(tab.socket.connected);
  });

  it('is for people alone, each with a token', async () => {
    const routes = [
      ['GET', '/notifications'], ['GET', '/notifications/unread-count'], ['POST', '/notifications/mark-all-read'],
      ['POST', '/notifications/x/read'], ['DELETE', '/notifications/x'], ['POST', '/websocket/test-notification'],
      ['GET', '/websocket/status'], ['GET', '/websocket/status/all'],
    ];
    for (const [method, path] of routes) {
      assert.equal((await request(room, method, path, { token: null })).status, 401, path);
      assert.equal((await request(room, method, path, { token: 'x.y.z' })).status, 401, path);
    }
    assert.equal((await as('ada')('GET', '/notifications/mark-all-read')).status, 405);
    assert.equal((await request(room, 'GET', '/websocket/status/all', { token: serviceToken() })).status, 403);
  });
});
