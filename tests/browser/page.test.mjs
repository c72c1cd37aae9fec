// The demo page in a real browser: two people in one course see each other typing, talk, notify;
// with WebSocket, and over polling only. Screenshots go to tests/browser/screenshots (untracked).
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EXAMPLE, Server } from '../e2e/support/process.mjs';
import { inSeconds, tokenFor } from '../e2e/support/tokens.mjs';
import { PATIENCE } from '../e2e/support/wait.mjs';
import { SCREENSHOTS, TEACHER, useClassroom, wire } from './classroom.mjs';

for (const [way, path, transport] of [
  ['with WebSocket', '/', 'websocket'],
  ['over polling only', '/?transport=polling', 'polling'],
]) {
  describe(`two people, ${way}`, () => {
    const room = useClassroom();

    it('see each other typing, and talk', async () => {
      const tess = await room.open('tess', { ...TEACHER, path });
      const lee = await room.open('lee', { path });
      for (const page of [tess, lee]) {
        await page.getByText(`connected · ${transport}`).waitFor();
        await page.locator('#people-count', { hasText: '2' }).waitFor();
      }
      await lee.getByLabel('Message to the course').pressSequentially('Is <b>this</b> right?', { delay: 20 });
      await tess.getByText('lee is typing…').waitFor();
      assert.equal(await lee.locator('#typing').textContent(), '');
      await lee.getByLabel('Message to the course').press('Enter');
      await tess.locator('.messages .bubble p', { hasText: 'Is <b>this</b> right?' }).waitFor();
      await lee.locator('.messages .mine p', { hasText: 'Is <b>this</b> right?' }).waitFor();
      assert.equal(await tess.locator('.messages b', { hasText: 'this' }).count(), 0, 'markup stays text');
      await tess.locator('#typing:empty').waitFor({ state: 'attached' });

      await tess.getByLabel('Message to the course').pressSequentially('It is', { delay: 20 });
      await lee.getByText('Tess Teacher is typing…').waitFor();
      await tess.getByLabel('Message to the course').fill('');
      await lee.locator('#typing:empty').waitFor({ state: 'attached' });

      await lee.getByRole('button', { name: 'Celebrate' }).click();
      await tess.locator('[data-reaction="🎉"] span', { hasText: '1' }).waitFor();
    });

    it('announce, notify, write privately, raise a hand', async () => {
      const tess = await room.open('tess', { ...TEACHER, path });
      const lee = await room.open('lee', { path });

      const form = tess.locator('#announce-form');
      await form.getByLabel('Title').fill('Exam on Friday');
      await form.getByLabel('Text').fill('Chapters 1 to 4.');
      await form.getByRole('button', { name: 'Announce' }).click();
      await lee.locator('#news').getByText('Exam on Friday').waitFor();

      await form.locator('[name=as]').selectOption('person');
      await form.getByLabel('To', { exact: true }).fill('lee');
      await form.getByLabel('Title').fill('Your essay is graded');
      await form.getByLabel('Text').fill('Well done.');
      await form.getByRole('button', { name: 'Announce' }).click();
      await lee.getByRole('button', { name: /Notifications, 1 unread/ }).click();
      await lee.locator('#notification-list').getByText('Your essay is graded').waitFor();
      assert.equal(await lee.title(), '(1) Lectern classroom');
      await lee.getByRole('button', { name: 'Mark all as read' }).click();
      await lee.getByRole('button', { name: /Notifications, none unread/ }).waitFor();
      await lee.keyboard.press('Escape');
      assert.equal(await lee.locator('#notifications').isVisible(), false);

      await lee.getByRole('button', { name: 'Write to tess' }).click();
      await lee.getByLabel('Private message', { exact: true }).fill('May I leave early?');
      await lee.getByLabel('Private message', { exact: true }).press('Enter');
      await tess.locator('#private-list').getByText('May I leave early?').waitFor();

      for (const page of [tess, lee]) await page.getByRole('button', { name: 'Enter session' }).click();
      await lee.getByRole('button', { name: 'Raise hand' }).click();
      await tess.locator('#live-log', { hasText: 'lee raises a hand' }).waitFor();
      await tess.getByRole('button', { name: 'Start' }).click();
      await lee.locator('#live-state', { hasText: 'live' }).waitFor();
      assert.equal(await lee.getByRole('button', { name: 'Mute all' }).count(), 0, 'staff only');
      assert.equal(await lee.locator('#announce-form').isVisible(), false);
    });

    it('see who comes and goes', async () => {
      const tess = await room.open('tess', { ...TEACHER, path });
      const lee = await room.open('lee', { path });
      await tess.locator('#people li:not(.away)', { hasText: 'lee' }).waitFor();
      await lee.close();
      await tess.locator('#people li.away', { hasText: 'lee' }).waitFor();
    });
  });
}

describe('the page by itself', () => {
  const room = useClassroom();

  it('asks for a token, and says what is wrong with a bad one', async () => {
    const page = await room.blank();
    await page.getByRole('heading', { name: 'Enter the classroom' }).waitFor();
    await page.getByLabel('Token').fill('not a token');
    await page.getByRole('button', { name: 'Enter' }).click();
    await page.getByRole('alert').getByText('This is not a token.').waitFor();
    await page.getByLabel('Token').fill(tokenFor('lee', { exp: inSeconds(-100) }));
    await page.getByRole('button', { name: 'Enter' }).click();
    await page.getByRole('alert').getByText(/expired.*Get a new one/s).waitFor();
    await page.getByLabel('Token').fill(tokenFor('lee', {}, { key: 'a secret that this server does not know' }));
    await page.getByRole('button', { name: 'Enter' }).click();
    await page.getByRole('alert').getByText(/JWT_SECRET/).waitFor();
    await page.screenshot({ path: `${SCREENSHOTS}refused.png` });
    await page.getByLabel('Token').fill(tokenFor('lee'));
    await page.getByRole('button', { name: 'Enter' }).click();
    await page.getByText('You are in course:demo.').waitFor();
  });

  it('takes the token out of the address, keeps it over a reload, forgets it on signing out', async () => {
    const page = await room.open('lee');
    assert.ok(!page.url().includes('token'));
    await page.reload();
    await page.getByText('You are in course:demo.').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').waitFor();
    await page.reload();
    await page.getByLabel('Token').waitFor();
  });

  it('switches to polling only', async () => {
    const page = await room.open('lee');
    await page.getByText('connected · websocket').waitFor();
    await page.getByLabel('Polling only').check();
    await page.getByText('connected · polling').waitFor();
    await page.getByLabel('Polling only').uncheck();
    await page.getByText('connected · websocket').waitFor();
  });

  it('leaves and joins courses; says so when one may not', async () => {
    const page = await room.open('lee');
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.getByText('Join a course to talk.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Send' }).first().isDisabled(), true);
    await page.getByLabel('Course id').fill('user:tess');
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByText('You cannot join user:tess.').waitFor();
    await page.getByLabel('Course id').fill('physics');
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByText('You are in course:physics.').waitFor();
  });

  it('comes back by itself after the server was away', async () => {
    const page = await room.open('lee');
    const { port } = room.server;
    await room.server.stop();
    await page.getByText(/coming back|trying again/).waitFor();
    room.server = await Server.start({ dir: EXAMPLE, port, args: ['--recovery-window', '120000'] });
    await page.getByText('connected · websocket · started anew').waitFor({ timeout: 20_000 * PATIENCE });
    await page.getByText('The server was restarted meanwhile.').waitFor();
    await page.getByLabel('Message to the course').fill('here again');
    await page.getByLabel('Message to the course').press('Enter');
    await page.locator('.messages .mine p', { hasText: 'here again' }).waitFor();
  });
});

describe('a lost connection', () => {
  const room = useClassroom();

  it('is recovered with what was missed, and the page says so', async (t) => {
    const { url, cut } = await wire(t, room.server.port);
    const lee = await room.open('lee', { url });
    const tess = await room.open('tess', TEACHER);
    await lee.getByText('connected · websocket').waitFor();
    cut();
    await lee.getByText('coming back…').waitFor();
    await tess.getByLabel('Message to the course').fill('Did you see this?');
    await tess.getByLabel('Message to the course').press('Enter');
    await lee.getByText('connected · websocket · recovered').waitFor();
    await lee.getByText('What you missed has arrived.').waitFor();
    await lee.screenshot({ path: `${SCREENSHOTS}recovered.png` });
    await lee.locator('.messages .bubble p', { hasText: 'Did you see this?' }).waitFor();
    assert.equal(await lee.locator('.messages .bubble p', { hasText: 'Did you see this?' }).count(), 1);
  });
});

describe('a token that expires', () => {
  const room = useClassroom();

  it('is announced with its time, and can be renewed', async () => {
    const lee = await room.open('lee', { claims: { exp: inSeconds(40) } });
    const notice = lee.getByRole('alert').filter({ hasText: /Your token expires at .*\d+ s left\./ });
    await notice.waitFor();
    await lee.screenshot({ path: `${SCREENSHOTS}expiring.png` });
    await lee.setViewportSize({ width: 390, height: 844 });
    await lee.screenshot({ path: `${SCREENSHOTS}expiring-phone.png` });
    assert.equal(await lee.evaluate(() => document.documentElement.scrollWidth), 390, 'nothing sticks out sideways');
    await lee.getByLabel('A newer one').fill(tokenFor('tess'));
    await lee.getByRole('button', { name: 'Stay' }).click();
    await lee.getByText('That did not work').waitFor();
    await lee.getByLabel('A newer one').fill(tokenFor('lee'));
    await lee.getByRole('button', { name: 'Stay' }).click();
    await lee.getByText('You stay').waitFor();
    assert.equal(await lee.getByLabel('A newer one').isVisible(), false);
    await lee.reload();
    await lee.getByText('You are in course:demo.').waitFor();
    assert.equal(await lee.getByLabel('A newer one').isVisible(), false);
  });

  it('ends in asking for another', async () => {
    const lee = await room.open('lee', { claims: { exp: inSeconds(10) } });
    await lee.getByRole('alert').getByText(/signed out: the token has expired.*Get a new one/s).waitFor();
    await lee.getByText('not connected').waitFor();
    assert.equal(await lee.getByLabel('A newer one').isVisible(), false);
  });
});

describe('looks', () => {
  const room = useClassroom();

  it('well on a desk, in the dark, and on a phone', async () => {
    const desk = await room.open('tess', TEACHER);
    const dark = await room.open('lee', { colorScheme: 'dark' });
    const phone = await room.open('mia', { viewport: { width: 390, height: 844 }, isMobile: true });
    const say = async (page, text) => {
      await page.getByLabel('Message to the course').fill(text);
      await page.getByLabel('Message to the course').press('Enter');
      await page.locator('.messages .mine p', { hasText: text.slice(0, 20) }).waitFor();
    };
    await say(desk, 'Good morning! Today: why light bends. Ask whenever you like.');
    await say(dark, 'Is it the same for sound?');
    await say(phone, 'And what about water waves, when they come to a beach? They seem to turn as well, but nothing is transparent there…');
    await say(desk, 'Very good, all three bend for the same reason.');
    for (const [page, name] of [[dark, 'Thumbs up'], [phone, 'Heart'], [phone, 'Thumbs up']]) await page.getByRole('button', { name }).click();
    const form = desk.locator('#announce-form');
    await form.getByLabel('Title').fill('Exam on Friday');
    await form.getByLabel('Text').fill('Chapters 1 to 4. Bring a ruler.');
    await form.getByRole('button', { name: 'Announce' }).click();
    await form.locator('[name=as]').selectOption('person');
    await form.getByLabel('To', { exact: true }).fill('lee');
    await form.getByLabel('Title').fill('Your essay is graded');
    await form.getByLabel('Text').fill('Well done.');
    await form.getByRole('button', { name: 'Announce' }).click();
    for (const page of [desk, dark]) await page.getByRole('button', { name: 'Enter session' }).click();
    await dark.getByRole('button', { name: 'Raise hand' }).click();
    await desk.getByRole('button', { name: 'Write to lee' }).click();
    await desk.getByLabel('Private message', { exact: true }).fill('Your turn next.');
    await desk.getByLabel('Private message', { exact: true }).press('Enter');
    await dark.locator('#private-list').getByText('Your turn next.').waitFor();
    await dark.locator('.events summary').click();
    await dark.getByRole('button', { name: /Notifications, 1 unread/ }).click();
    await phone.getByLabel('Message to the course').pressSequentially('hm');
    await desk.getByText('mia is typing…').waitFor();
    await desk.screenshot({ path: `${SCREENSHOTS}desk.png` });
    await dark.screenshot({ path: `${SCREENSHOTS}dark.png`, fullPage: true });
    await phone.screenshot({ path: `${SCREENSHOTS}phone.png`, fullPage: true });
    for (const page of [desk, dark, phone]) {
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wide, 0, 'nothing sticks out sideways');
    }
  });
});
