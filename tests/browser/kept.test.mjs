// What the page shows of what is kept: after a reload, for who comes late, over a slow line, on every width.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { call } from '../e2e/support/api.mjs';
import { Person } from '../e2e/support/person.mjs';
import { tokenFor } from '../e2e/support/tokens.mjs';
import { sleep } from '../e2e/support/wait.mjs';
import { SCREENSHOTS, TEACHER, useClassroom, wire } from './classroom.mjs';

const LEE = { claims: { name: 'Lee Learner' } };
const message = (page, text) => page.locator('#messages .bubble p', { hasText: text });

async function say(page, text) {
  await page.getByLabel('Message to the course').fill(text);
  await page.getByLabel('Message to the course').press('Enter');
  await message(page, text).waitFor();
}

async function announce(page, title, as, to) {
  const form = page.locator('#announce-form');
  await form.locator('[name=as]').selectOption(as);
  if (to) await form.getByLabel('To', { exact: true }).fill(to);
  await form.getByLabel('Title').fill(title);
  await form.getByLabel('Text').fill('As was said.');
  await form.getByRole('button', { name: 'Announce' }).click();
}

describe('what was there before', () => {
  const room = useClassroom();

  it('is there after a reload, and for who comes late', async () => {
    const tess = await room.open('tess', TEACHER);
    const lee = await room.open('lee', LEE);
    await tess.getByText('No announcements yet.').waitFor();
    await say(tess, 'Good morning');
    await say(lee, 'Good morning, too');
    await announce(tess, 'Exam on Friday', 'announcement');
    await lee.locator('#news').getByText('Exam on Friday').waitFor();
    await announce(tess, 'Your essay is graded', 'person', 'lee');
    await lee.getByRole('button', { name: /Notifications, 1 unread/ }).waitFor();
    await lee.getByRole('button', { name: 'Write to Tess Teacher' }).click();
    await lee.getByLabel('Private message', { exact: true }).fill('May I leave early?');
    await lee.getByLabel('Private message', { exact: true }).press('Enter');
    await tess.locator('#private-list').getByText('May I leave early?').waitFor();

    await lee.reload();
    await lee.getByText('You are in course:demo.').waitFor();
    await message(lee, 'Good morning, too').waitFor();
    assert.equal(await lee.locator('#messages .bubble').count(), 2);
    await lee.locator('#news').getByText('Exam on Friday').waitFor();
    assert.equal(await lee.getByText('No announcements yet.').isVisible(), false);
    await lee.getByRole('button', { name: /Notifications, 1 unread/ }).click();
    await lee.locator('#notification-list').getByText('Your essay is graded').waitFor();
    await lee.locator('#conversations', { hasText: 'Tess Teacher' }).waitFor();
    await lee.locator('#private-list').getByText('May I leave early?').waitFor();

    for (const page of [tess, lee]) await page.getByRole('button', { name: 'Enter session' }).click();
    await tess.getByRole('button', { name: 'Start' }).click();
    await lee.getByRole('button', { name: 'Raise hand' }).click();
    await tess.locator('#hands', { hasText: 'Lee Learner' }).waitFor();
    const mia = await room.open('mia');
    await message(mia, 'Good morning, too').waitFor();
    await mia.locator('#messages header', { hasText: 'Tess Teacher' }).waitFor();
    await mia.locator('#news').getByText('Exam on Friday').waitFor();
    await mia.getByRole('button', { name: 'Enter session' }).click();
    await mia.locator('#live-state', { hasText: 'live' }).waitFor();
    await mia.locator('#hands', { hasText: 'Lee Learner' }).waitFor();
    await mia.screenshot({ path: `${SCREENSHOTS}late.png` });
    await lee.close();
    await mia.locator('#hands', { hasText: 'Lee Learner' }).waitFor({ state: 'detached' });
  });

  it('is not claimed before it is known', async () => {
    const page = await room.blank('/');
    // Not a moment in which the page says that there is nothing.
    await page.addInitScript(() => {
      window.said = [];
      new MutationObserver(() => {
        for (const id of ['news-none', 'notification-none']) {
          const node = document.getElementById(id);
          if (node && !node.hidden && !window.said.includes(id)) window.said.push(id);
        }
      }).observe(document, { subtree: true, childList: true, attributes: true });
    });
    const tess = await room.open('tess', TEACHER);
    await announce(tess, 'Known from the start', 'announcement');
    await tess.locator('#news').getByText('Known from the start').waitFor();
    await announce(tess, 'For zoe', 'person', 'zoe');
    await tess.getByText('Sent').waitFor();
    await page.goto(`${room.server.url}/?again#token=${tokenFor('zoe', { courses: ['demo'] })}`);
    await page.locator('#news').getByText('Known from the start').waitFor();
    await page.locator('#notification-list').getByText('For zoe').waitFor({ state: 'attached' });
    assert.deepEqual(await page.evaluate(() => window.said), []);
  });
});

describe('a slow line', () => {
  const room = useClassroom();

  it('of 250 ms each way doubles and loses nothing, however hastily one types', async (t) => {
    const { url } = await wire(t, room.server.port, { delay: 250 });
    const tess = await room.open('tess', TEACHER);
    const lee = await room.open('lee', { ...LEE, url });
    const box = lee.getByLabel('Message to the course');
    await box.pressSequentially('one');
    const onItsWay = lee.locator('#messages [data-state=sending]', { hasText: 'one' }).waitFor(); // not for long
    await box.press('Enter');
    await box.press('Enter');
    await box.pressSequentially('two, typed while one is on its way');
    await onItsWay;
    await lee.locator('#messages .mine:not([data-state])', { hasText: 'one' }).waitFor();
    assert.equal(await box.inputValue(), 'two, typed while one is on its way');
    await box.press('Enter');
    await box.press('Enter');
    await message(tess, 'two, typed').waitFor();
    await sleep(800);
    for (const page of [lee, tess]) {
      assert.deepEqual(await page.locator('#messages .bubble p').allTextContents(), ['one', 'two, typed while one is on its way']);
    }
  });

  it('that breaks while a message is on its way loses none, and doubles none', async (t) => {
    const { url, cut } = await wire(t, room.server.port, { delay: 150 });
    const tess = await room.open('tess', TEACHER);
    const lee = await room.open('lee', { ...LEE, url });
    await lee.getByText('connected · websocket').waitFor();
    for (let i = 1; i <= 4; i++) {
      await lee.getByLabel('Message to the course').fill(`through a cut ${i}`);
      await lee.getByLabel('Message to the course').press('Enter');
      await sleep(i * 70); // before it arrives, while it is answered …
      cut();
      await lee.locator('#messages .mine:not([data-state])', { hasText: `through a cut ${i}` }).waitFor();
      await message(tess, `through a cut ${i}`).waitFor();
    }
    const wanted = [1, 2, 3, 4].map((i) => `through a cut ${i}`);
    for (const page of [lee, tess]) {
      const texts = (await page.locator('#messages .bubble p').allTextContents()).filter((text) => text.startsWith('through'));
      assert.deepEqual(texts, wanted);
    }
  });
});

describe('what comes while something else is shown', () => {
  const room = useClassroom();
  const to = (page) => page.locator('#private-form [name=to]');
  const write = async (page, id, text) => {
    await to(page).fill(id);
    await page.getByLabel('Private message', { exact: true }).fill(text);
    await page.getByLabel('Private message', { exact: true }).press('Enter');
  };

  it('is in the conversation that it belongs to, and leaves alone whom one writes to', async (t) => {
    const { url } = await wire(t, room.server.port, { delay: 400 });
    const bob = await room.open('bob');
    const lee = await room.open('lee', { ...LEE, url });
    await write(bob, 'lee', 'Hello from Bob');
    await lee.locator('#private-list').getByText('Hello from Bob').waitFor();
    await write(lee, 'cleo', 'For Cleo alone');
    await lee.locator('#private-list [data-state=sending]', { hasText: 'For Cleo alone' }).waitFor();
    await lee.locator('#conversations button', { hasText: 'bob' }).click(); // before it is answered
    await lee.locator('#conversations', { hasText: 'For Cleo alone' }).waitFor();
    await lee.locator('#private-list').getByText('Hello from Bob').waitFor();
    await sleep(1200);
    assert.deepEqual(await lee.locator('#private-list .bubble p').allTextContents(), ['Hello from Bob']);
    await lee.locator('#conversations button', { hasText: 'cleo' }).click();
    await lee.locator('#private-list').getByText('For Cleo alone').waitFor();

    const mia = await room.open('mia');
    await to(mia).fill('cleo'); // and is about to write
    await write(bob, 'mia', 'Hello, Mia');
    await mia.locator('#private-list').getByText('Hello, Mia').waitFor();
    assert.equal(await to(mia).inputValue(), 'cleo');
  });

  it('as a change keeps author and time, and adds no message', async (t) => {
    const tess = await room.open('tess', TEACHER);
    const say = async (discussionId, content) => {
      const old = { userId: 'tess', discussionId, content, timestamp: '2020-01-02T03:04:05Z' };
      return (await call(room.server, 'send_discussion_message', ['course:demo', old])).body.result.id;
    };
    const [id, elsewhere] = [await say('general', 'Frist version'), await say('other', 'elsewhere')];
    await message(tess, 'Frist version').waitFor();
    const other = new Person(room.server, 'tess', TEACHER);
    t.after(() => other.close());
    await other.admitted();
    assert.equal((await other.ask('join_room', { room: 'course:demo' })).ok, true);
    const bubble = tess.locator('#messages li', { hasText: 'version' });
    assert.equal((await other.ask('edit_message', { room: 'course:demo', id: elsewhere, content: 'elsewhere, changed' })).ok, true);
    assert.equal((await other.ask('edit_message', { room: 'course:demo', id, content: 'First version' })).ok, true);
    await message(tess, 'First version').waitFor();
    assert.match(await bubble.locator('time').textContent(), /Jan.* · changed$/);
    assert.equal(await tess.locator('#messages', { hasText: 'elsewhere' }).count(), 0);
    assert.equal((await other.ask('delete_message', { room: 'course:demo', id })).ok, true);
    await message(tess, 'This message was taken back.').waitFor();
  });

  it('as an announcement that is taken back is not there any more, and what is read in one tab is read in all', async () => {
    const tess = await room.open('tess', TEACHER);
    const [one, two] = [await room.open('lea'), await room.open('lea')];
    await announce(tess, 'Taken back soon', 'announcement');
    await one.locator('#news').getByText('Taken back soon').waitFor();
    const id = await one.locator('#news li', { hasText: 'Taken back soon' }).getAttribute('data-id');
    assert.equal((await call(room.server, 'delete_course_announcement', ['demo', id])).status, 200);
    await one.locator('#news').getByText('Taken back soon').waitFor({ state: 'detached' });
    await one.getByText('No announcements yet.').waitFor();

    for (const page of [one, two]) await write(page, 'cleo', 'so that another conversation is open');
    await write(tess, 'lea', 'Unread in both');
    for (const page of [one, two]) await page.locator('#conversations button', { hasText: 'Tess' }).locator('.count').waitFor();
    await one.locator('#conversations button', { hasText: 'Tess' }).click();
    await two.locator('#conversations button', { hasText: 'Tess' }).locator('.count').waitFor({ state: 'detached' });
    assert.equal((await call(room.server, 'erase_person', ['tess'])).status, 200);
    for (const page of [one, two]) await page.locator('#conversations', { hasText: 'Unread in both' }).waitFor({ state: 'detached' });
    await one.locator('#private-list').getByText('Unread in both').waitFor({ state: 'detached' });
  });

  it('is of nobody else, when somebody else signs in', async () => {
    const page = await room.open('lea');
    await page.locator('#conversations', { hasText: 'cleo' }).waitFor();
    await page.goto(`${room.server.url}/#token=${tokenFor('nora', { courses: ['demo'] })}`);
    await page.locator('#me-name', { hasText: 'nora' }).waitFor();
    await page.getByText('You are in course:demo.').waitFor();
    assert.equal(await page.locator('#conversations li').count(), 0);
    assert.equal(await page.locator('#private-list li').count(), 0);
  });
});

describe('the bell', () => {
  const room = useClassroom();

  it('opens on the screen, at every width', async () => {
    const tess = await room.open('tess', TEACHER);
    const lee = await room.open('lee', LEE);
    await announce(tess, 'A rather long title, so that the list must decide what to do about its width', 'person', 'lee');
    await lee.getByRole('button', { name: /Notifications, 1 unread/ }).waitFor();
    for (const width of [320, 375, 520, 700, 1280]) {
      await lee.setViewportSize({ width, height: 720 });
      await lee.getByRole('button', { name: /Notifications/ }).click();
      const box = await lee.locator('#notifications').boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= width, `${width}: from ${box.x} to ${box.x + box.width}`);
      assert.ok(box.y >= 0 && box.y + box.height <= 720, `${width}: down to ${box.y + box.height}`);
      assert.equal(await lee.evaluate(() => document.documentElement.scrollWidth), width, `${width}: nothing sticks out sideways`);
      await lee.screenshot({ path: `${SCREENSHOTS}bell-${width}.png` });
      await lee.keyboard.press('Escape');
    }
  });

  it('is one number in all tabs, and stays open over what is done in it', async () => {
    const tess = await room.open('tess', TEACHER);
    const [one, two] = [await room.open('lea'), await room.open('lea')];
    for (const title of ['First', 'Second', 'Third']) {
      await announce(tess, title, 'person', 'lea');
      await tess.getByText('Sent').first().waitFor();
    }
    for (const page of [one, two]) await page.getByRole('button', { name: /Notifications, 3 unread/ }).waitFor();
    await one.getByRole('button', { name: /Notifications/ }).click();
    await one.getByRole('button', { name: 'Mark as read: First' }).click();
    for (const page of [one, two]) await page.getByRole('button', { name: /Notifications, 2 unread/ }).waitFor();
    assert.equal(await one.locator('#notifications').isVisible(), true);
    await one.getByRole('button', { name: 'Remove: Second' }).click();
    for (const page of [one, two]) await page.getByRole('button', { name: /Notifications, 1 unread/ }).waitFor();
    await two.getByRole('button', { name: /Notifications/ }).click();
    assert.equal(await two.locator('#notification-list li').count(), 2);
    await two.getByRole('button', { name: 'Mark all as read' }).click();
    for (const page of [one, two]) await page.getByRole('button', { name: /Notifications, none unread/ }).waitFor();
  });
});
