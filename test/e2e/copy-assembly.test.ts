import assert from 'node:assert/strict';
import { globSync, mkdirSync, mkdtempDisposableSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeUnusedFiles } from './copy-assembly.ts';

test('of what Node has compiled, the files go that were neither written nor read for a day', () => {
  using place = mkdtempDisposableSync(join(tmpdir(), 'compiled-'));
  const version = join(place.path, 'v24-x64');
  mkdirSync(version);
  const now = Date.now() / 1000;
  const [hour, days] = [now - 3600, now - 2 * 86_400];
  for (const [name, readAt, writtenAt] of [
    ['new', hour, hour],
    ['read', hour, days],
    ['unused', days, days],
  ] as const) {
    writeFileSync(join(version, name), name);
    utimesSync(join(version, name), readAt, writtenAt);
  }

  removeUnusedFiles(place.path);

  assert.deepEqual(globSync('*', { cwd: version }).sort(), ['new', 'read']);
});
