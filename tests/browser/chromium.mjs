// Debian's Chromium, driven by playwright-core; one for a test file.
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';

const BINARY = process.env.CHROMIUM || '/usr/bin/chromium';
const FLAGS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

// Registers the hooks and returns a handle whose `newContext` works once tests run.
export function useChromium() {
  let browser;
  before(async () => {
    browser = await chromium.launch({ executablePath: BINARY, args: FLAGS, headless: true });
  });
  after(() => browser?.close());
  return { newContext: (options) => browser.newContext(options) };
}
