import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { publishAbsent, publishReplacing } from '../../lib/store/durable-files.ts';
import { rejects } from '../conformance/store/ask-store.ts';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-durable-'));
  await mkdir(join(folder, 'tmp'));
  await mkdir(join(folder, 'locks'));
  await writeFile(join(folder, 'tmp', 'staged'), 'new');
  return folder;
}

test('a writer whose lock was broken while it stood still publishes nothing', async () => {
  const folder = await newFolder();
  const path = join(folder, 'object');
  await writeFile(path, 'old');
  const lock = join(folder, 'locks', 'object');

  const replacing = publishReplacing(join(folder, 'tmp', 'staged'), path, {
    lock,
    temporaryFolder: join(folder, 'tmp'),
    accepts: () => {
      // Between the question and the replacement another writer takes the lock for stale and moves it aside.
      renameSync(lock, join(folder, 'tmp', 'broken'));
      return true;
    },
  });

  await rejects(replacing, 'store-unavailable');
  assert.equal(await readFile(path, 'utf8'), 'old');
  await rm(folder, { recursive: true });
});

test('a refused replacement frees the lock and leaves no staged file', async () => {
  const folder = await newFolder();
  const path = join(folder, 'object');
  await writeFile(path, 'old');

  const isReplaced = await publishReplacing(join(folder, 'tmp', 'staged'), path, {
    lock: join(folder, 'locks', 'object'),
    temporaryFolder: join(folder, 'tmp'),
    accepts: () => false,
  });

  assert.equal(isReplaced, false);
  assert.deepEqual(await readdir(join(folder, 'tmp')), []);
  assert.deepEqual(await readdir(join(folder, 'locks', 'object')), []);
  assert.equal(await readFile(path, 'utf8'), 'old');
  await rm(folder, { recursive: true });
});

test('publishing under a name that is taken changes nothing', async () => {
  const folder = await newFolder();
  const path = join(folder, 'deep', 'er', 'object');
  await mkdir(join(folder, 'deep', 'er'), { recursive: true });
  await writeFile(path, 'old');

  await assert.rejects(publishAbsent(join(folder, 'tmp', 'staged'), path), { code: 'EEXIST' });

  assert.equal(await readFile(path, 'utf8'), 'old');
  await rm(folder, { recursive: true });
});
