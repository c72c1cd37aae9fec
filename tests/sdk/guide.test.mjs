// The guide's server side, word for word, in a real Nest application: Nest injects the services, the example's server
// keeps what they say in its database, and people hear it by an unmodified socket.io-client.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { snippetUrl } from '../e2e/support/guide.mjs';
import { Person } from '../e2e/support/person.mjs';
import { EXAMPLE, lectern, Server } from '../e2e/support/process.mjs';
import { until, within } from '../e2e/support/wait.mjs';
import { makeApp } from './support/app.mjs';
import { missing, SDK } from './support/package.mjs';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const SNIPPETS = ['send-notifications', 'discussion-features', 'live-session-events', 'course-updates'];
const APP = fileURLToPath(new URL('guide-app/', import.meta.url));

for (const version of ['nest11', 'nest12']) {
  describe(`the guide's server side on ${version}`, { skip: missing(version) }, () => {
    const home = mkdtempSync(path.join(tmpdir(), 'lectern-guide-'));
    const people = new Set();
    let server;
    let dir;
    let nest;
    let url;

    before(async () => {
      server = await Server.start({ dir: EXAMPLE, env: { STATE_DIRECTORY: home } });
      const { stdout } = await lectern(['key', 'new', 'school', '--port', String(server.port)]);
      dir = await makeApp(version, { from: APP });
      for (const name of SNIPPETS) copyFileSync(snippetUrl(`${name}.ts`), path.join(dir, 'src', `${name}.ts`));
      // Strict types: those of the package, as it is installed there.
      const tsc = path.join(SDK, 'node_modules/typescript/bin/tsc');
      await promisify(execFile)(process.execPath, [tsc, '-p', dir]).catch((error) => assert.fail(`the guide does not compile:\n${error.stdout}`));

      const { PATH, HOME } = process.env;
      nest = spawn(process.execPath, ['dist/main.js'], { cwd: dir, env: { PATH, HOME, LECTERN_URL: server.url, LECTERN_KEY: stdout.trim() } });
      nest.out = '';
      nest.errors = '';
      nest.stdout.setEncoding('utf8').on('data', (text) => (nest.out += text));
      nest.stderr.setEncoding('utf8').on('data', (text) => (nest.errors += text));
      nest.ended = new Promise((resolve) => nest.once('close', resolve));
      await until(() => nest.out.includes('\n') || nest.exitCode !== null, 'the application listens', 20_000);
      url = nest.out.trim();
      assert.match(url, /^http:/, nest.errors);
    });
    afterEach(() => {
      for (const person of people) person.close();
      people.clear();
    });
    after(async () => {
      nest?.kill('SIGTERM');
      await nest?.ended;
      await server?.stop();
      rmSync(home, { recursive: true, force: true });
    });

    async function join(id, ...rooms) {
      const person = new Person(server, id);
      people.add(person);
      await person.hear('connected');
      for (const room of rooms) assert.equal((await person.ask('join_room', room)).ok, true);
      return person;
    }
    // Whatever was sent to them before has arrived when they are answered.
    const settled = (person) => person.ask('list_notifications', {});
    async function run(name) {
      assert.deepEqual(readFileSync(path.join(dir, 'src', `${name}.ts`)), readFileSync(snippetUrl(`${name}.ts`)));
      const response = await within(20_000, fetch(`${url}/guide/${name}`, { method: 'POST' }), () => `${name} does not end`);
      assert.equal(response.status, 201, nest.errors);
    }
    const rows = (sql) => JSON.parse(execFileSync('sqlite3', ['-readonly', '-json', path.join(home, 'lectern.db'), sql], { encoding: 'utf8' }) || '[]');

    it('sending notifications: one, several, a room', async () => {
      const [single, one, two] = [await join('user-123'), await join('user-1', { room: 'course:123' }), await join('user-2')];
      await run('send-notifications');
      const lesson = await single.hear('notification');
      const { id, createdAt, unreadCount, rev, ...said } = lesson;
      assert.deepEqual(said, {
        type: 'COURSE_UPDATE', title: 'New Lesson Available', message: 'A new lesson has been added to your course',
        data: { courseId: 'course-456' }, priority: 'NORMAL', isRead: false,
      });
      assert.match(createdAt, ISO);
      for (const person of [one, two]) {
        const notice = await person.hear('notification', (n) => n.type === 'ANNOUNCEMENT');
        assert.deepEqual([notice.title, notice.message, notice.isRead], ['System Maintenance', 'Scheduled maintenance tonight', false]);
      }
      const news = await one.hear('notification', (n) => n.type === 'COURSE_ANNOUNCEMENT');
      assert.deepEqual([news.title, news.message, news.isRoomNotification], ['Important Update', 'Please check the new assignment', true]);
      for (const [person, types] of [[single, ['COURSE_UPDATE']], [one, ['ANNOUNCEMENT', 'COURSE_ANNOUNCEMENT']], [two, ['ANNOUNCEMENT']]]) {
        await settled(person);
        assert.deepEqual(person.heard('notification').map((n) => n.type).sort(), types);
      }
      const kept = rows('SELECT id, person, type, title, message, data, read_at FROM lectern_notifications ORDER BY person');
      assert.deepEqual(kept.map((row) => [row.person, row.type, row.title, row.read_at]), [
        ['user-1', 'ANNOUNCEMENT', 'System Maintenance', null],
        ['user-123', 'COURSE_UPDATE', 'New Lesson Available', null],
        ['user-2', 'ANNOUNCEMENT', 'System Maintenance', null],
      ]);
      assert.equal(kept[1].id, id);
      assert.deepEqual(JSON.parse(kept[1].data), { courseId: 'course-456' });
    });

    it('discussion features: a message and a reaction', async () => {
      const member = await join('member', { room: 'course:123' });
      const stranger = await join('stranger');
      const began = Date.now();
      await run('discussion-features');
      const message = await member.hear('discussion_message');
      assert.deepEqual([message.id, message.discussionId, message.userId, message.content, message.room],
        ['msg-456', 'discussion-789', 'user-123', 'Great question!', 'course:123']);
      assert.match(message.timestamp, ISO);
      assert.ok(Math.abs(Date.parse(message.timestamp) - began) < 60_000, 'new Date() is what readers see');
      const reaction = await member.hear('discussion_reaction');
      assert.deepEqual([reaction.room, reaction.discussionId, reaction.userId, reaction.reaction], ['course:123', 'discussion-789', 'user-123', '👍']);
      await settled(stranger);
      assert.deepEqual([stranger.heard('discussion_message'), stranger.heard('discussion_reaction')], [[], []]);
      assert.deepEqual(rows('SELECT room, id, author, discussion, content, sent FROM lectern_messages'), [
        { room: 'course:123', id: 'msg-456', author: 'user-123', discussion: 'discussion-789', content: 'Great question!', sent: message.timestamp },
      ]);
      assert.deepEqual(rows('SELECT room, discussion, message, person, reaction FROM lectern_reactions'), [
        { room: 'course:123', discussion: 'discussion-789', message: '', person: 'user-123', reaction: '👍' },
      ]);
    });

    it('live session events', async () => {
      const member = await join('member', { room: 'live-session:456', type: 'live_session' });
      await run('live-session-events');
      const joined = await member.hear('live_session_event');
      assert.deepEqual([joined.sessionId, joined.type, joined.userId, joined.data], ['live-session-456', 'user_joined', 'user-123', { userName: 'John Doe' }]);
      assert.match(joined.timestamp, ISO);
      const sharing = await member.hear('live_session_event');
      assert.deepEqual([sharing.sessionId, sharing.type, sharing.userId, sharing.data], ['live-session-456', 'screen_share', 'instructor-789', { isSharing: true }]);
    });

    it('course updates reach course:123, though the calls say course-123', async () => {
      const member = await join('member', { room: 'course:123', type: 'discussion' });
      const stranger = await join('stranger');
      await run('course-updates');
      const announcement = await member.hear('course_announcement');
      assert.deepEqual([announcement.title, announcement.message, announcement.instructorId],
        ['New Assignment Posted', 'Check out the new assignment in Module 3', 'instructor-456']);
      assert.match(announcement.courseId, /123$/);
      assert.match(announcement.timestamp, ISO);
      const update = await member.hear('course_update');
      assert.deepEqual([update.type, update.title, update.message, update.data],
        ['new_lesson', 'New Lesson Available', 'Module 4: Advanced Topics is now available', { lessonId: 'lesson-789' }]);
      assert.match(update.timestamp, ISO);
      await settled(stranger);
      assert.deepEqual([stranger.heard('course_announcement'), stranger.heard('course_update')], [[], []]);
      const kept = rows('SELECT room, id, content FROM lectern_announcements');
      assert.deepEqual(kept.map(({ room, content }) => [room, JSON.parse(content).title]), [['course:123', 'New Assignment Posted']]);
    });
  });
}
