// What the page shows of what is kept: after a reload, for who comes late, over a slow line, on every width.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
    await box.press('Enter');
    await box.press('Enter');
    await box.pressSequentially('two, typed while one is on its way');
    await lee.locator('#messages [data-state=sending]', { hasText: 'one' }).waitFor();
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
