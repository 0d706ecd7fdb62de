import { setTimeout as pause } from 'node:timers/promises';

/** Asks again and again until the answer is not undefined or false; gives up after a minute, or so many seconds. */
export async function until<Answer>(
  ask: () => Promise<Answer | undefined | false>,
  what: string,
  seconds = 60,
): Promise<Answer> {
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; ) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    await pause(50);
  }
  throw new Error(`waited ${seconds} seconds for ${what}`);
}
