import assert from 'node:assert/strict';
import path from 'node:path';
import { after, afterEach, test } from 'node:test';
import { root } from './source-files.ts';

/** What belongs to the process, and has to be as it was when a test has ended. */
type ProcessState = Readonly<Record<string, unknown>>;

const signals = ['SIGHUP', 'SIGINT', 'SIGTERM', 'uncaughtException', 'unhandledRejection'] as const;

/** Powertools' own packages set it when they are loaded, which a test may do that needs one. */
const setByPackage = 'AWS_SDK_UA_APP_ID';

/**
 * Loads test files into this process, one after another, so that their tests run in it. A file that cannot be loaded is a failure of its own, and a
 * test that changes what belongs to the process fails, though nothing else is wrong with it. The process fails if it ends before its last test has.
 */
export async function runTogether(files: readonly string[]): Promise<void> {
  let hasEnded = false;
  after(() => {
    hasEnded = true;
  });
  process.once('exit', () => {
    if (hasEnded) return;
    console.error(`the process ended before the tests of ${files.join(', ')} had`);
    process.exitCode = 1;
  });
  let before = processState();
  afterEach(() => {
    const now = processState();
    const expected = before;
    // The next test is not at fault.
    before = now;
    assert.deepEqual(now, expected, 'the test leaves the process changed, which it shares with other files');
  });
  for (const file of files) {
    try {
      await import(path.join(root, file));
    } catch (error) {
      test(`${file} can be loaded`, () => {
        throw error;
      });
    }
  }
}

function processState(): ProcessState {
  return {
    environment: { ...process.env, [setByPackage]: undefined },
    folder: process.cwd(),
    exitCode: process.exitCode,
    listeners: Object.fromEntries(signals.map((signal) => [signal, process.listenerCount(signal)])),
    clock: [Date, setTimeout, setInterval, setImmediate, fetch],
  };
}
