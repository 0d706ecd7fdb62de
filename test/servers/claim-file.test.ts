import assert from 'node:assert/strict';
import {
  closeSync,
  mkdtempDisposableSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { type Claim, claimFile } from '../../lib/servers/claim-file.ts';

function claimed(file: string, text: string, isGone = (_: string, found: string): boolean => found === 'dead'): Claim {
  const answer = claimFile(file, { text, isGone });
  assert.ok('claim' in answer, JSON.stringify(answer));
  return answer.claim;
}

test('who has found one dead removes nothing of those that have come meanwhile', () => {
  using folder = mkdtempDisposableSync(path.join(tmpdir(), 'holdfast-claim-'));
  const file = path.join(folder.path, 'owner');
  writeFileSync(file, 'dead');
  let second: Claim | undefined;

  // The first has read who is dead, and sleeps; the second takes over; a third comes when the first has woken.
  const answer = claimFile(file, {
    text: 'first',
    isGone: (_, found) => {
      if (found !== 'dead') return false;
      second = claimed(file, 'second');
      return true;
    },
  });

  assert.deepEqual(answer, { holder: 'second' });
  assert.equal(second?.isHeld(), true);
  assert.deepEqual(claimFile(file, { text: 'third', isGone: () => false }), { holder: 'second' });
});

test("one that was killed while it took over is in nobody's way", () => {
  using folder = mkdtempDisposableSync(path.join(tmpdir(), 'holdfast-claim-'));
  const file = path.join(folder.path, 'owner');
  writeFileSync(file, 'dead');
  writeFileSync(`${file}.over`, 'dead');

  const claim = claimed(file, 'next');

  assert.equal(readFileSync(file, 'utf8'), 'next');
  claim.release();
  assert.deepEqual(readdirSync(folder.path), []);
});

test('a second release lets be what others have opened since', () => {
  using folder = mkdtempDisposableSync(path.join(tmpdir(), 'holdfast-claim-'));
  const claim = claimed(path.join(folder.path, 'owner'), 'first');
  const next = path.join(folder.path, 'next');

  claim.release();
  // It gets the number that was the claim's.
  const fd = openSync(next, 'w');
  claim.release();

  writeSync(fd, 'open');
  closeSync(fd);
  assert.equal(readFileSync(next, 'utf8'), 'open');
});

test('what went with its folder needs no release', () => {
  using folder = mkdtempDisposableSync(path.join(tmpdir(), 'holdfast-claim-'));
  const claim = claimed(path.join(folder.path, 'owner'), 'first');

  folder.remove();
  claim.release();

  assert.equal(claim.isHeld(), false);
});

test("one that was taken for gone neither renews nor releases what is another's by now", () => {
  using folder = mkdtempDisposableSync(path.join(tmpdir(), 'holdfast-claim-'));
  const file = path.join(folder.path, 'owner');
  const slept = claimed(file, 'slept');
  const other = claimed(file, 'other', (_, found): boolean => found === 'slept');

  slept.renew();
  slept.release();

  assert.equal(slept.isHeld(), false);
  assert.equal(other.isHeld(), true);
  assert.equal(readFileSync(file, 'utf8'), 'other');
});
