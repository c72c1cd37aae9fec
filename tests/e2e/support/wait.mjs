// Waiting, always with an end. LECTERN_PATIENCE stretches all time-outs on slow machines.
export const PATIENCE = Number(process.env.LECTERN_PATIENCE || 1);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The promise's value, or an error with the explanation (a function) after so many milliseconds.
export async function within(ms, promise, explain) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`after ${ms * PATIENCE} ms: ${explain()}`)), ms * PATIENCE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// Asks again until the answer is true(ish), and returns it.
export async function until(check, what, ms = 5000) {
  const end = Date.now() + ms * PATIENCE;
  for (;;) {
    const answer = await check();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`never happened: ${what}`);
    await sleep(20);
  }
}

// The first argument of an emitter's next such event.
export function once(emitter, event, ms = 5000) {
  return within(ms, new Promise((resolve) => emitter.once(event, resolve)), () => `no event ${event}`);
}
