import assert from 'node:assert/strict';
import fs, { readdirSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { mock, test } from 'node:test';
import { holdFolder } from '../../../../lib/engines/postgres/recover/folder-hold.ts';
import { openFolder } from './cluster-source.ts';

test('a hold that could not be given to its account is let go of, so that the next restore gets the folder', () => {
  using place = openFolder('folder-hold');
  // No system has an account of that number.
  const nobodys = { name: 'nobody', uid: 2 ** 40, gid: 2 ** 40 };

  assert.throws(() => holdFolder(place.path, nobodys), { code: 'ERR_OUT_OF_RANGE' });

  assert.deepEqual(readdirSync(place.path), []);
  holdFolder(place.path, undefined).release();
});

test('a sign of life that the disk refuses ends neither the process nor the hold', () => {
  using place = openFolder('folder-hold');
  mock.timers.enable({ apis: ['setInterval'] });
  const hold = holdFolder(place.path, undefined);
  const full = mock.method(fs, 'writeSync', () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  });
  syncBuiltinESMExports();
  try {
    mock.timers.tick(20_000);
  } finally {
    mock.reset();
    syncBuiltinESMExports();
  }

  assert.equal(full.mock.callCount(), 1);
  assert.equal(hold.isHeld(), true);
  hold.release();
});
