// Two thousand clients at once: all get in, all hear the teacher, all leave.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Person } from './support/person.mjs';
import { useServer } from './support/suite.mjs';
import { until } from './support/wait.mjs';

const CROWD = 2000;
const AT_ONCE = 100; // handshakes in flight: the kernel's listen queue is not what is tested

describe(`${CROWD} clients`, () => {
  const room = useServer({ args: ['--presence-grace', '0'] });

  it('join one course, hear one announcement and one typist, and leave', async () => {
    const teacher = await room.join('teacher', { claims: { role: 'teacher' }, transports: ['websocket'] });
    const people = [];
    let next = 0;
    const admit = async () => {
      while (next < CROWD) {
        const i = next++;
        const person = new Person(room.server, `s${i}`, { transports: ['websocket'], timeout: 60_000 });
        people.push(person);
        await person.hear('connected', undefined, 30_000);
        assert.equal((await person.ask('enter', 'hall')), true);
        person.socket.offAny();
        person.counts = { announcement: 0, typing: 0 };
        person.socket.on('system', () => person.counts.announcement++);
        person.socket.on('typing_indicator', () => person.counts.typing++);
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, admit));
      assert.equal(await teacher.ask('send_to', { room: 'hall', event: 'system', args: ['hello'] }), CROWD);
      await until(() => people.every((person) => person.counts.announcement === 1), 'all hear it', 30_000);
      await teacher.ask('join_room', { room: 'hall' });
      teacher.emit('typing_start', { room: 'hall' });
      teacher.emit('typing_stop', { room: 'hall' });
      await until(() => people.every((person) => person.counts.typing === 2), 'all see the typing', 30_000);
      assert.equal(people.filter((person) => !person.socket.connected).length, 0);
    } finally {
      for (const person of people) person.close();
    }
    await until(async () => (await teacher.ask('send_to', { room: 'hall', event: 'x', args: [] })) === 1, 'all have left', 30_000);
  });
});
