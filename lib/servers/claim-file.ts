import { randomBytes } from 'node:crypto';
import { closeSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { hasCode } from '../core/has-code.ts';

/** A file that says whose something is, with this process's text in it. */
export type Claim = {
  /** False when another was free to take this one for gone, and has done so. */
  isHeld(): boolean;
  /** Makes the file new, by the clock of its file system. */
  renew(): void;
  /** Gives it up; a second time changes nothing. */
  release(): void;
};

export type Claimed = { readonly claim: Claim } | { readonly holder: string };

type Wish = {
  /** Says who this is; nobody else's is the same. */
  readonly text: string;
  /** Will the one whose text stands in the file never come back for it? */
  readonly isGone: (file: string, text: string) => boolean;
};

const pauseMs = 5;
/** To look at a file and remove it takes less, on any disk. */
const patienceMs = 10_000;

/**
 * Claims what the file stands for, or says who has it. What somebody who is gone has left is taken over.
 *
 * Invariant: of those that are not gone at most one has the claim. The file appears with its text in it, or not at all; and it is removed only by its
 * holder, or by who holds the claim `<file>.over` and finds it there of one that is gone. A crash leaves either file, and the next one takes it over.
 */
export function claimFile(file: string, wish: Wish): Claimed {
  const opened = openClaim(file, wish);
  if (typeof opened === 'string') return { holder: opened };
  const isHeld = (): boolean => textOf(file) === wish.text;
  let isReleased = false;
  return {
    claim: {
      isHeld,
      // Through the open file, which is this one's own whatever stands in its place by now.
      renew: () => void writeSync(opened, wish.text, 0),
      release() {
        // Its number may be another file's, or a socket's, by a second time.
        if (isReleased) return;
        isReleased = true;
        closeSync(opened);
        // Its folder may be gone, and it with that.
        if (!isHeld()) return;
        alone(file, wish, () => {
          if (isHeld()) rmSync(file, { force: true });
        });
      },
    },
  };
}

/** The claim's open file, or the text of its holder. */
function openClaim(file: string, wish: Wish): number | string {
  for (;;) {
    const fd = madeAs(file, wish.text);
    if (fd !== undefined) return fd;
    const found = textOf(file);
    if (found === undefined) continue;
    if (!wish.isGone(file, found)) return found;
    const inTheWay = alone(file, wish, () => {
      const left = textOf(file);
      if (left !== undefined && wish.isGone(file, left)) rmSync(file, { force: true });
    });
    if (inTheWay !== undefined) return inTheWay;
  }
}

/** Does it while nobody else removes the file. Who that was, when they did not come to an end. */
function alone(file: string, wish: Wish, act: () => void): string | undefined {
  const over = `${file}.over`;
  for (let waitedMs = 0; ; waitedMs += pauseMs) {
    const opened = openClaim(over, wish);
    if (typeof opened === 'number') {
      closeSync(opened);
      try {
        act();
      } finally {
        rmSync(over, { force: true });
      }
      return undefined;
    }
    if (waitedMs >= patienceMs) return opened;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
  }
}

/** Makes the file, whole; undefined when there is one. */
function madeAs(file: string, text: string): number | undefined {
  const whole = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const fd = openSync(whole, 'wx', 0o644);
  try {
    writeSync(fd, text, 0);
    linkSync(whole, file);
    return fd;
  } catch (error) {
    closeSync(fd);
    if (hasCode(error, 'EEXIST')) return undefined;
    throw error;
  } finally {
    rmSync(whole, { force: true });
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
