// The guide, and its code blocks: each is a file in tests/e2e/guide, which is what runs.
import { readdirSync, readFileSync } from 'node:fs';

const DIR = new URL('../guide/', import.meta.url);
const GUIDE = 'integration-guide.md';

// The heading that a block stands under, and its file.
export const FILES = {
  'Environment Variables': 'environment.env',
  'JavaScript/TypeScript Client': 'client.ts',
  'React Hook Example': 'use-websocket.tsx',
  'Sending Notifications': 'send-notifications.ts',
  'Discussion Features': 'discussion-features.ts',
  'Live Session Events': 'live-session-events.ts',
  'Course Updates': 'course-updates.ts',
  'Joining Rooms': 'joining-rooms.ts',
  Authentication: 'authentication.ts',
  'Error Handling': 'error-handling.ts',
  'Debug Mode': 'debug.env',
};

export const snippetUrl = (file) => new URL(file, DIR);
export const snippetText = (file) => readFileSync(snippetUrl(file), 'utf8');
// All that are there, but the guide itself.
export const snippetFiles = () => readdirSync(DIR).filter((name) => name !== GUIDE).sort();

// The guide's blocks in order: { heading, language, text }, line by line, so that none is overlooked.
export function guideBlocks(text = snippetText(GUIDE)) {
  const blocks = [];
  let heading = null;
  let block = null;
  for (const line of text.split('\n')) {
    const fence = /^\s*(```|~~~)\s*(.*)$/.exec(line);
    if (fence && block) {
      blocks.push(block);
      block = null;
    } else if (fence) {
      block = { heading, language: fence[2], text: '' };
    } else if (block) {
      block.text += `${line}\n`;
    } else if (/^#/.test(line)) {
      heading = line.replace(/^#+\s*/, '');
    }
  }
  if (block) throw new Error(`the block under "${heading}" has no end`);
  return blocks;
}

// The variables of an env block.
export const environmentOf = (file) => Object.fromEntries(snippetText(file).trim().split('\n').map((line) => /^(\w+)=(.*)$/.exec(line).slice(1)));
