// What a platform does with the package, on one version of Nest, with a real server behind it.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../../e2e/support/proxy.mjs';
import { useServer } from '../../e2e/support/suite.mjs';
import { sleep } from '../../e2e/support/wait.mjs';
import { decorated, DISK, keyOf, Lines, nestOf, run } from './nest.mjs';
import { folderOf, installPackage, missing } from './package.mjs';

const HANDLERS = `
  local lectern = require "lectern"
  local M = {}
  function M.nap(seconds) lectern.sleep(seconds) lectern.state.naps = (lectern.state.naps or 0) + 1 return "awake" end
  function M.naps() return lectern.state.naps or 0 end
  return M`;

const NOTE = { type: 'COURSE_UPDATE', title: 'New lesson', message: 'Module 4 is there' };
const AT = new Date('2026-03-01T10:00:00.000Z');

// A program of a team that has no HTTP server: it notifies, closes, and has nothing more to do.
const WORKER = `
  require('reflect-metadata');
  const { Module, Logger } = require('@nestjs/common');
  const { NestFactory } = require('@nestjs/core');
  const { LecternModule, NotificationService } = require('@lectern/nestjs');
  class App {}
  Module({ imports: [LecternModule.forRoot({ url: process.env.LECTERN_URL, apiKey: process.env.LECTERN_KEY })] })(App);
  (async () => {
    const app = await NestFactory.createApplicationContext(App, { logger: ['error'] });
    const service = app.get(NotificationService);
    const { id } = await service.createNotification({ userId: 'worker-1', type: 'NEW_LECTURE', title: 'From a worker', message: 'Hello' });
    console.log(JSON.stringify({ id, unread: await service.getUnreadCount('worker-1') }));
    await app.close();
  })();`;

// Both ways to load it in one process, and a module graph of both.
const BOTH = `
  import 'reflect-metadata';
  import { createRequire } from 'node:module';
  import assert from 'node:assert/strict';
  import { Module } from '@nestjs/common';
  import { NestFactory } from '@nestjs/core';
  import * as imported from '@lectern/nestjs';
  const required = createRequire(process.cwd() + '/x.js')('@lectern/nestjs');
  assert.deepEqual(Object.keys(imported).sort(), Object.keys(required).filter((name) => name !== '__esModule').sort());
  for (const [name, value] of Object.entries(imported)) assert.equal(value, required[name], name);
  class App {}
  Module({ imports: [imported.LecternModule.forRoot({ url: 'http://127.0.0.1:9', apiKey: 'k' })] })(App);
  const app = await NestFactory.createApplicationContext(App, { logger: ['error'] });
  assert.ok(app.get(required.NotificationService) instanceof imported.NotificationService);
  await app.close();
  console.log('one');`;

export function testNest(version) {
  const skip = missing(version);

  describe(`the package on ${version}`, { skip }, () => {
    const room = useServer({ files: { 'handlers/zz_nap.lua': HANDLERS }, args: ['--rooms-default', 'deny'], env: DISK });
    const open = new Set();
    let nest;
    let key;
    let forRoot;

    before(async () => {
      await installPackage();
      nest = nestOf(version);
      key = await keyOf(room);
      forRoot = (more) => nest.sdk.LecternModule.forRoot({ url: room.url, apiKey: key, ...more });
    });
    after(async () => {
      for (const app of open) await app.close();
    });

    // A module of a team's, with what it imports and provides.
    const appModule = (metadata) => decorated(class App {}, [nest.common.Module(metadata)]);
    // Its application without an HTTP server.
    async function context(metadata, logger = false) {
      const app = await nest.core.NestFactory.createApplicationContext(appModule(metadata), { logger, abortOnError: false });
      open.add(app);
      return app;
    }

    it('notifies from a controller of an application with an HTTP server', async () => {
      const { Body, Controller, Post } = nest.common;
      class Bookings {
        constructor(notifications) {
          this.notifications = notifications;
        }
        accept({ userId }) {
          return this.notifications.createNotification({ ...NOTE, userId, data: { at: AT } });
        }
      }
      decorated(Bookings, [Controller('bookings')], [nest.sdk.NotificationService]);
      const accept = Object.getOwnPropertyDescriptor(Bookings.prototype, 'accept');
      Reflect.defineMetadata('design:paramtypes', [Object], Bookings.prototype, 'accept');
      Post('accept')(Bookings.prototype, 'accept', accept);
      Body()(Bookings.prototype, 'accept', 0);
      // Global: a module that does not import it has its services.
      const Feature = decorated(class Feature {}, [nest.common.Module({ controllers: [Bookings] })]);
      const app = await nest.core.NestFactory.create(appModule({ imports: [forRoot(), Feature] }), { logger: false, abortOnError: false });
      open.add(app);
      await app.listen(0, '127.0.0.1');

      const ada = await room.join('ada');
      const response = await fetch(`${await app.getUrl()}/bookings/accept`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ userId: 'ada' }),
      });
      assert.equal(response.status, 201);
      const row = await response.json();
      const heard = await ada.hear('notification');
      assert.equal(heard.id, row.id);
      assert.deepEqual([row.userId, row.priority, row.isRead, row.actionUrl, row.data], ['ada', 'NORMAL', false, null, { at: AT.toISOString() }]);
      assert.equal(row.createdAt, heard.createdAt);
    });

    it('works in a program without an HTTP server, which ends by itself', async () => {
      const { code, stdout, stderr, ms } = await run(folderOf(version), WORKER, { env: { LECTERN_URL: room.url, LECTERN_KEY: key } });
      assert.equal(code, 0, stderr);
      const { id, unread } = JSON.parse(stdout);
      assert.ok(id);
      assert.equal(unread, 1);
      assert.ok(ms < 12_000, `it took ${ms} ms`);
    });

    it('is the same whether it is imported or required', async () => {
      const { code, stdout, stderr } = await run(folderOf(version), BOTH, { type: 'module' });
      assert.equal(code, 0, stderr);
      assert.equal(stdout.trim(), 'one');
    });

    it('takes its options from a factory with what it injects, from a class, and from one that exists', async () => {
      const { Injectable, Module } = nest.common;
      class ConfigService {
        get(name) {
          return { LECTERN_URL: room.url, LECTERN_KEY: key }[name];
        }
        createLecternOptions() {
          return this.create();
        }
        create() {
          return { url: this.get('LECTERN_URL'), apiKey: this.get('LECTERN_KEY') };
        }
      }
      decorated(ConfigService, [Injectable()]);
      const ConfigModule = decorated(class ConfigModule {}, [Module({ providers: [ConfigService], exports: [ConfigService] })]);
      const ways = [
        {
          imports: [ConfigModule],
          inject: [ConfigService],
          useFactory: async (config) => ({ url: config.get('LECTERN_URL'), apiKey: config.get('LECTERN_KEY') }),
        },
        { useClass: ConfigService },
        { imports: [ConfigModule], useExisting: ConfigService },
      ];
      for (const way of ways) {
        const app = await context({ imports: [nest.sdk.LecternModule.forRootAsync(way)] });
        assert.equal(await app.get(nest.sdk.NotificationService).getUnreadCount('nobody'), 0);
      }
    });

    it('serves only who imports it when it is not global, each with its own server', async () => {
      const { Injectable, Module } = nest.common;
      const { LecternClient, NotificationService } = nest.sdk;
      const school = (options) => {
        const Office = decorated(class Office {
          constructor(notifications, client) {
            Object.assign(this, { notifications, client });
          }
        }, [Injectable()], [NotificationService, LecternClient]);
        return { Office, module: decorated(class School {}, [Module({ imports: options ? [forRoot({ isGlobal: false, ...options })] : [], providers: [Office] })]) };
      };
      const nowhere = `http://127.0.0.1:${await freePort()}`;
      const [one, other] = [school({}), school({ url: nowhere, retries: 0 })];
      const app = await context({ imports: [one.module, other.module] });
      const [first, second] = [one, other].map(({ Office }) => app.get(Office, { strict: false }));
      assert.deepEqual([first.client.options.url, second.client.options.url], [room.url, nowhere]);
      assert.equal(await first.notifications.getUnreadCount('nobody'), 0);
      await assert.rejects(second.notifications.getUnreadCount('nobody'), { code: 'unreachable' });
      await assert.rejects(context({ imports: [one.module, school().module] }), /can't resolve dependencies of the Office/);
    });

    it('refuses wrong options when the application starts, and says which', async () => {
      const cases = [
        [{ url: undefined }, /url is missing.*http:\/\/localhost:3001/],
        [{ url: 'localhost:3001' }, /"localhost:3001"; it must begin with http:\/\//],
        [{ url: 'lk_abc_123' }, /^LecternModule: url is something with a key or a password, which is no address; it looks like "http:\/\/localhost:3001"$/],
        [{ url: 'school:secret@localhost' }, /^LecternModule: url is something with a key or a password; it must begin with http:\/\/ or https:\/\/$/],
        [{ apiKey: undefined }, /apiKey is missing; "lectern key new NAME" makes one/],
        [{ apiKey: 'lk_two lines\n' }, /apiKey has spaces/],
        [{ token: () => 'x' }, /either apiKey or token/],
        [{ timeout: '5s' }, /timeout is 5s; it must be a whole number/],
        [{ onError: 'ignore' }, /onError is "ignore"/],
      ];
      for (const [options, message] of cases) await assert.rejects(context({ imports: [forRoot(options)] }), { name: 'LecternError', code: 'bad_options', message });
    });

    it('has the methods of the guide, with what they gave', async () => {
      const app = await context({ imports: [forRoot()] });
      const notifications = app.get(nest.sdk.NotificationService);
      const first = await notifications.createNotification({ ...NOTE, userId: 'bob', priority: 'HIGH', actionUrl: '/courses/4', data: { courseId: '4' }, expiresAt: new Date(Date.now() + 3_600_000) });
      assert.ok(first.createdAt instanceof Date && first.expiresAt instanceof Date);
      assert.deepEqual([first.userId, first.priority, first.actionUrl, first.data], ['bob', 'HIGH', '/courses/4', { courseId: '4' }]);
      assert.deepEqual(await notifications.createBulkNotifications([{ ...NOTE, userId: 'bob' }, { ...NOTE, userId: 'cleo' }]), { count: 2 });
      assert.equal(await notifications.getUnreadCount('bob'), 2);
      const { notifications: [second, ...rest], pagination } = await notifications.getUserNotifications('bob', 1, 1);
      assert.equal(rest.length, 0);
      assert.deepEqual(pagination, { page: 1, limit: 1, total: 2, pages: 2 });
      assert.ok(second.createdAt >= first.createdAt);
      assert.deepEqual((await notifications.getUserNotifications('bob', 2, 1)).notifications, [first]);
      assert.deepEqual((await notifications.getUserNotifications('bob')).pagination, { page: 1, limit: 20, total: 2, pages: 1 });
      assert.deepEqual(await notifications.markAsRead(first.id, 'cleo'), { count: 0 });
      assert.deepEqual(await notifications.markAsRead(first.id, 'bob'), { count: 1 });
      assert.deepEqual(await notifications.markAllAsRead('bob'), { count: 1 });
      assert.equal(await notifications.getUnreadCount('bob'), 0);
      assert.deepEqual(await notifications.deleteNotification(first.id, 'bob'), { count: 1 });

      const bob = await room.join('bob', { claims: { courses: ['123'], sessions: ['456'] } });
      for (const name of ['course:123', 'live-session:456']) assert.equal((await bob.ask('join_room', { room: name })).ok, true);
      assert.equal(await notifications.createRoomNotification('course:123', NOTE), undefined);
      assert.equal((await bob.hear('notification')).isRoomNotification, true);
      assert.equal(await notifications.createSystemAnnouncement({ ...NOTE, actionUrl: '/status' }), undefined);
      const announced = await bob.hear('system_announcement');
      assert.deepEqual([announced.isSystemAnnouncement, announced.actionUrl], [true, '/status']);

      const sockets = app.get(nest.sdk.WebSocketService);
      assert.equal(await sockets.sendDiscussionMessage('course:123', { id: 'msg-1', discussionId: 'd-1', userId: 'u-1', content: 'Great question!', timestamp: AT }), undefined);
      assert.equal((await bob.hear('discussion_message')).timestamp, AT.toISOString());
      assert.equal(await sockets.sendDiscussionReaction('course:123', 'd-1', 'u-1', '👍'), undefined);
      assert.equal((await bob.hear('discussion_reaction')).reaction, '👍');
      assert.equal(await sockets.sendLiveSessionEvent('live-session:456', { sessionId: 'live-session-456', type: 'user_joined', userId: 'u-1', data: { userName: 'John Doe' } }), undefined);
      assert.equal((await bob.hear('live_session_event')).data.userName, 'John Doe');
      assert.equal(await sockets.sendCourseAnnouncement('course-123', { title: 'T', message: 'M', instructorId: 'i-1' }), undefined);
      assert.equal((await bob.hear('course_announcement')).instructorId, 'i-1');
      assert.equal(await sockets.sendCourseUpdate('course-123', { type: 'new_lesson', title: 'T', message: 'M', data: { lessonId: 'l-1' } }), undefined);
      assert.equal((await bob.hear('course_update')).data.lessonId, 'l-1');
    });

    it('has the eleven methods of the old gateway', async () => {
      const gateway = (await context({ imports: [forRoot()] })).get(nest.sdk.WebSocketGatewayService);
      const dan = await room.join('dan');
      assert.equal(await gateway.sendNotificationToUser('dan', { title: 'one' }), true);
      assert.equal((await dan.hear('notification')).title, 'one');
      assert.equal(await gateway.sendNotificationToUser('nobody', { title: 'none' }), true);
      assert.deepEqual(await gateway.sendNotificationToUsers(['dan', 'nobody'], { title: 'two' }), {
        successCount: 1,
        totalUsers: 2,
        results: [{ userId: 'dan', success: true }, { userId: 'nobody', success: false }],
      });
      assert.equal((await dan.hear('notification')).title, 'two');
      assert.equal((await gateway.sendNotificationToAllConnected({ title: 'three' })).successCount, 1);
      assert.equal((await dan.hear('notification')).title, 'three');
      assert.equal(await gateway.sendNotificationToRoom('user:dan', { title: 'four' }), undefined);
      assert.equal((await dan.hear('notification')).title, 'four');
      assert.equal(await gateway.broadcastToAll('maintenance', { at: AT }), undefined);
      assert.deepEqual(await dan.hear('maintenance'), { at: AT.toISOString() });
      assert.equal(await gateway.isUserConnected('dan'), true);
      assert.equal(await gateway.isUserConnected('nobody'), false);
      assert.equal(await gateway.getUserSocketId('dan'), dan.socket.id);
      assert.equal(await gateway.getUserSocketId('nobody'), undefined);
      assert.equal(await gateway.getConnectedUsersCount(), 1);
      assert.deepEqual(await gateway.getConnectedUsers(), ['dan']);
      const status = await gateway.getConnectionStatus();
      assert.deepEqual(status.connectedUsers, [{ userId: 'dan', socketId: dan.socket.id, isOnline: true }]);
      assert.ok(!Number.isNaN(Date.parse(status.timestamp)));
      assert.deepEqual(await gateway.areUsersConnected(['dan', 'nobody']), { dan: true, nobody: false });
    });

    it('sends what the platform tells by EventEmitter2, in order', async () => {
      const { EventEmitter2, EventEmitterModule } = nest.events;
      const lines = new Lines();
      const app = await context({ imports: [EventEmitterModule.forRoot(), forRoot({ listen: true })] }, lines);
      const emitter = app.get(EventEmitter2);
      const eve = await room.join('eve', { claims: { courses: ['7'] } });
      const fay = await room.join('fay');
      assert.equal((await eve.ask('join_room', { room: 'course:7' })).ok, true);
      const refused = await eve.ask('join_room', { room: 'conversation:c-1' });
      assert.equal(refused.error.code, 'forbidden');

      const row = { id: 'n-1', userId: 'eve', ...NOTE, data: {}, priority: 'HIGH', actionUrl: null, isRead: false, createdAt: AT, expiresAt: null };
      emitter.emit('notification.created', { userId: 'eve', notification: row });
      assert.deepEqual(await eve.hear('notification'), { id: 'n-1', ...NOTE, data: {}, priority: 'HIGH', actionUrl: null, isRead: false, createdAt: AT.toISOString() });
      emitter.emit('notification.room', { room: 'course:7', notification: NOTE });
      assert.deepEqual(await eve.hear('notification'), { ...NOTE, isRoomNotification: true });
      emitter.emit('notification.system', { notification: NOTE });
      assert.deepEqual(await fay.hear('system_announcement'), { ...NOTE, isSystemAnnouncement: true });

      for (let i = 0; i < 10; i++) {
        emitter.emit('message.sent', { message: { id: `m-${i}`, senderId: 'eve', receiverId: 'fay', content: `${i}`, createdAt: AT }, conversationId: 'c-1' });
      }
      for (let i = 0; i < 10; i++) {
        assert.deepEqual(await fay.hear('new_message'), { message: { id: `m-${i}`, senderId: 'eve', receiverId: 'fay', content: `${i}`, createdAt: AT.toISOString() }, conversationId: 'c-1' });
        assert.equal((await eve.hear('message_sent')).message.id, `m-${i}`);
      }
      for (const person of [eve, fay]) assert.equal((await person.ask('join_room', { room: 'conversation:c-1' })).ok, true);
      emitter.emit('messages.read', { conversationId: 'c-1', userId: 'fay', count: 10 });
      assert.deepEqual(await eve.hear('messages_read'), { conversationId: 'c-1', readBy: 'fay', count: 10 });

      emitter.emit('message.sent', { message: { senderId: 'eve' }, conversationId: 'c-1' });
      emitter.emit('notification.created', undefined);
      assert.deepEqual(lines.all.filter((line) => line.startsWith('error')), [
        'error message.sent: receiverId is missing; it was not sent',
        'error notification.created: userId is missing; it was not sent',
      ]);
      await app.close();
      open.delete(app);
      emitter.emit('notification.created', { userId: 'eve', notification: row });
    });

    it('sends an event once when two modules listen, and many to few connections', async () => {
      const { EventEmitter2, EventEmitterModule } = nest.events;
      const Feature = decorated(class Feature {}, [nest.common.Module({ imports: [forRoot({ listen: true })] })]);
      let [now, most, begun] = [0, 0, 0];
      const counting = async (...request) => {
        most = Math.max(most, ++now);
        begun++;
        return fetch(...request).finally(() => now--);
      };
      const lines = new Lines();
      const app = await context({ imports: [EventEmitterModule.forRoot(), Feature, forRoot({ listen: true, fetch: counting })] }, lines);
      const jan = await room.join('jan');
      const emitter = app.get(EventEmitter2);
      emitter.emit('notification.created', { userId: 'jan', notification: { ...NOTE, title: 'once' } });
      emitter.emit('notification.created', { userId: 'jan', notification: { ...NOTE, title: 'last' } });
      for (const title of ['once', 'last']) assert.equal((await jan.hear('notification')).title, title);
      assert.equal(lines.all.filter((line) => line.startsWith('warn LecternModule is there more than once with the option listen')).length, 1);
      await app.close();
      open.delete(app);

      const crowd = await context({ imports: [EventEmitterModule.forRoot(), forRoot({ listen: true, fetch: counting })] });
      for (let i = 0; i < 200; i++) crowd.get(EventEmitter2).emit('notification.created', { userId: `crowd-${i}`, notification: NOTE });
      crowd.get(EventEmitter2).emit('notification.created', { userId: 'jan', notification: { ...NOTE, title: 'behind' } });
      assert.equal((await jan.hear('notification')).title, 'behind');
      assert.ok(most <= 32, `${most} requests at once`);
      await crowd.close();
      open.delete(crowd);

      // At the end no more is begun than there is time for.
      begun = 0;
      lines.all = [];
      const silent = (url, { signal }) => new Promise((_, reject) => (begun++, signal.addEventListener('abort', () => reject(signal.reason))));
      const hasty = await context({ imports: [EventEmitterModule.forRoot(), forRoot({ listen: true, fetch: silent, shutdownTimeout: 100, retries: 0 })] }, lines);
      for (let i = 0; i < 100; i++) hasty.get(EventEmitter2).emit('notification.created', { userId: `crowd-${i}`, notification: NOTE });
      await hasty.close();
      open.delete(hasty);
      await sleep(50);
      assert.equal(begun, 32);
      assert.equal(lines.all.filter((line) => line === 'error 68 events were not sent, as the application has shut down').length, 1, lines.all.join('\n'));
    });

    it('says that events are lost, once and not for each', async () => {
      const { EventEmitter2, EventEmitterModule } = nest.events;
      const lines = new Lines();
      const answer = async () => {
        await sleep(5);
        return new Response('{"result":[{"result":true}]}');
      };
      const app = await context({ imports: [EventEmitterModule.forRoot(), forRoot({ listen: true, fetch: answer, shutdownTimeout: 0 })] }, lines);
      const emitter = app.get(EventEmitter2);
      // Each time some places have become free, and are not enough.
      for (let i = 0; i < 3; i++) {
        for (let k = 0; k < 10_001; k++) emitter.emit('notification.created', { userId: `${k}`, notification: NOTE });
        await sleep(20);
      }
      await app.close();
      open.delete(app);
      const told = lines.all.filter((line) => line.includes('lost'));
      assert.equal(told.length, 1, told.join('\n'));
      assert.match(told[0], /^error 10000 events wait for the server; 1 lost so far/);
    });

    it('says what is missing when it is to listen and there is nothing to listen to', async () => {
      await assert.rejects(context({ imports: [forRoot({ listen: true })] }), { name: 'LecternError', message: /import EventEmitterModule\.forRoot\(\)/ });
      const bare = mkdtempSync(path.join(tmpdir(), 'lectern-bare-'));
      try {
        const from = path.join(folderOf(version), 'node_modules');
        const to = path.join(bare, 'node_modules');
        mkdirSync(path.join(to, '@nestjs'), { recursive: true });
        for (const name of ['@nestjs/common', '@nestjs/core', 'reflect-metadata']) symlinkSync(path.join(from, name), path.join(to, name));
        cpSync(path.join(from, '@lectern'), path.join(to, '@lectern'), { recursive: true });
        const program = WORKER.replace('apiKey: process.env.LECTERN_KEY', "apiKey: 'k', listen: true");
        const { code, stderr } = await run(bare, program, { env: { LECTERN_URL: room.url } });
        assert.notEqual(code, 0);
        assert.match(stderr, /install @nestjs\/event-emitter and import EventEmitterModule\.forRoot\(\)/);
      } finally {
        rmSync(bare, { recursive: true });
      }
    });

    it('waits for calls under way when it closes, and not for ever', async () => {
      const app = await context({ imports: [forRoot()] });
      const client = app.get(nest.sdk.LecternClient);
      const nap = client.call('nap', [0.5]);
      await sleep(100);
      await app.close();
      open.delete(app);
      assert.equal(await nap, 'awake');

      const hasty = await context({ imports: [forRoot({ shutdownTimeout: 100 })] });
      const long = hasty.get(nest.sdk.LecternClient).call('nap', [3]);
      const ended = assert.rejects(long, { name: 'LecternError', code: 'stopped', retryable: true, message: /^nap: the application has shut down/ });
      await sleep(100);
      const began = performance.now();
      await hasty.close();
      open.delete(hasty);
      await ended;
      assert.ok(performance.now() - began < 2000, 'it waited for the call');
    });

    it('tells Terminus whether the server is ready', async () => {
      const { HealthCheckService, TerminusModule } = nest.terminus;
      const app = await context({ imports: [TerminusModule.forRoot({ logger: false }), forRoot()] });
      const [health, indicator] = [app.get(HealthCheckService, { strict: false }), app.get(nest.sdk.LecternHealthIndicator)];
      assert.deepEqual((await health.check([() => indicator.isHealthy()])).info, { lectern: { status: 'up' } });
      const nowhere = `http://127.0.0.1:${await freePort()}`;
      const down = await context({ imports: [forRoot({ url: nowhere })] });
      const other = down.get(nest.sdk.LecternHealthIndicator);
      const failed = await health.check([() => other.isHealthy('realtime', { throws: version === 'nest10' })]).then(
        () => assert.fail('it is not healthy'),
        (error) => error.getResponse(),
      );
      assert.equal(failed.status, 'error');
      assert.equal(failed.error.realtime.status, 'down');
      assert.ok(failed.error.realtime.message.startsWith(`${nowhere}/readyz did not answer: connect ECONNREFUSED`), failed.error.realtime.message);
    });

    it('lets a team test its services without a server', async () => {
      class Enrolments {
        constructor(notifications, gateway) {
          Object.assign(this, { notifications, gateway });
        }
        async enrol(userId) {
          const { id } = await this.notifications.createNotification({ ...NOTE, userId });
          return { id, online: await this.gateway.isUserConnected(userId) };
        }
      }
      const { LecternClient, LecternError, LecternTestingModule, NotificationService, RecordingLecternClient, WebSocketGatewayService } = nest.sdk;
      decorated(Enrolments, [nest.common.Injectable()], [NotificationService, WebSocketGatewayService]);
      const module = await nest.testing.Test.createTestingModule({ imports: [LecternTestingModule.forRoot()], providers: [Enrolments] }).compile();
      const client = module.get(RecordingLecternClient);
      assert.equal(client, module.get(LecternClient));
      client.connected.add('gil');
      const { id, online } = await module.get(Enrolments).enrol('gil');
      assert.equal(online, true);
      assert.equal(client.lastNotification('gil').id, id);
      assert.deepEqual(client.sent.map(({ fn }) => fn), ['createNotification', 'isUserConnected']);
      assert.deepEqual(client.sentTo('create_notification')[0].args, [{ ...NOTE, userId: 'gil' }]);
      const notifications = module.get(NotificationService);
      assert.equal(await notifications.getUnreadCount('gil'), 1);
      assert.deepEqual(await notifications.markAsRead(id, 'gil'), { count: 1 });
      assert.equal((await notifications.getUserNotifications('gil')).notifications[0].isRead, true);
      await assert.rejects(notifications.createNotification({ userId: 'gil' }), { code: 'invalid', message: /title is missing/ });
      client.answer('send_course_update', () => ({ ok: true }));
      assert.deepEqual(await client.call('sendCourseUpdate', ['1', {}]), { ok: true });
      client.fail(new LecternError('away', { code: 'unavailable', retryable: true }), 'createNotification');
      await assert.rejects(module.get(Enrolments).enrol('gil'), { message: 'away' });
      client.fail();
      await module.get(Enrolments).enrol('gil');
      client.reset();
      assert.equal(client.sent.length, 0);
      await module.close();

      // In a module that has the real one already.
      const own = new RecordingLecternClient();
      const whole = await nest.testing.Test.createTestingModule({ imports: [appModule({ imports: [forRoot()] })] }).overrideProvider(LecternClient).useValue(own).compile();
      assert.equal((await whole.get(NotificationService).createNotification({ ...NOTE, userId: 'hal' })).userId, 'hal');
      assert.equal(own.notificationsOf('hal').length, 1);
      await whole.close();
    });

    it('logs in place of throwing where that is wanted, once an outage', async () => {
      const lines = new Lines();
      nest.common.Logger.overrideLogger(lines);
      try {
        const { NotificationService, WebSocketGatewayService } = nest.sdk;
        const url = `http://127.0.0.1:${await freePort()}`;
        const app = await context({ imports: [forRoot({ url, onError: 'log', retries: 0 })] }, lines);
        const notifications = app.get(NotificationService);
        for (let i = 0; i < 5; i++) {
          const row = await notifications.createNotification({ ...NOTE, userId: 'ida' });
          assert.deepEqual([row.id, row.userId, row.title], ['', 'ida', NOTE.title]);
        }
        assert.deepEqual(await notifications.getUserNotifications('ida'), { notifications: [], pagination: { page: 1, limit: 20, total: 0, pages: 0 } });
        assert.deepEqual(await notifications.createBulkNotifications([{ ...NOTE, userId: 'ida' }]), { count: 0 });
        assert.equal(await app.get(WebSocketGatewayService).isUserConnected('ida'), false);
        const errors = lines.all.filter((line) => line.startsWith('error'));
        assert.equal(errors.length, 1, errors.join('\n'));
        assert.ok(errors[0].startsWith(`error cannot connect to ${url}: nothing listens there`), errors[0]);
      } finally {
        nest.common.Logger.overrideLogger(false);
      }
    });
  });
}
