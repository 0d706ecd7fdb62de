import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '../../lib/core/errors.ts';
import { openDirectoryStore } from '../../lib/store/directory-store.ts';
import { openStore } from '../../lib/store/open-store.ts';
import { read, rejects } from '../conformance/store/ask-store.ts';

suite('directory store', () => {
  let folder: string;
  const newRoot = (): Promise<string> => mkdtemp(join(folder, 'vault-'));
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-directory-'));
  });
  after(async () => await rm(folder, { recursive: true }));

  test('a folder that does not exist is refused and not made', async () => {
    const root = join(folder, 'not-mounted');

    await assert.rejects(openStore({ kind: 'file', path: root }), (error) => {
      assert.ok(error instanceof HoldfastError);
      assert.equal(error.code, 'config-invalid');
      assert.equal(error.message, `the store's folder '${root}' does not exist`);
      assert.match(error.hint, /mkdir -p/);
      return true;
    });

    await assert.rejects(stat(root), { code: 'ENOENT' });
  });

  test('a folder that vanishes is not made again by a write', async () => {
    const root = await newRoot();
    const store = await openDirectoryStore(root);
    await rm(root, { recursive: true });

    await rejects(store.put('a/b', Buffer.from('x')), 'store-unavailable');

    await assert.rejects(stat(root), { code: 'ENOENT' });
  });

  test('an object is a plain file at the path of its key', async () => {
    const root = await newRoot();
    const store = await openDirectoryStore(root);
    await store.put('backups/orders/manifest.json', Buffer.from('{}'));

    assert.equal(store.url, `file://${root}`);
    assert.deepEqual(await readdir(join(root, 'backups/orders')), ['manifest.json']);
  });

  test('an empty folder goes with its last object', async () => {
    const root = await newRoot();
    const store = await openDirectoryStore(root);
    await store.put('a/b/c', Buffer.from('x'));
    await store.put('a/d', Buffer.from('x'));

    await store.delete('a/b/c');

    assert.deepEqual(await readdir(join(root, 'a')), ['d']);
  });

  test('a key below an object, or above one, is refused', async () => {
    const store = await openDirectoryStore(await newRoot());
    await store.put('a', Buffer.from('x'));
    await store.put('b/c', Buffer.from('x'));

    for (const condition of [{ condition: 'absent' }, {}] as const) {
      await rejects(store.put('a/b', Buffer.from('y'), condition), 'already-exists');
      await rejects(store.put('a/b/c', Buffer.from('y'), condition), 'already-exists');
      await rejects(store.put('b', Buffer.from('y'), condition), 'already-exists');
    }
    assert.equal(await store.head('a/b'), undefined);
    assert.equal(await store.head('b'), undefined);
  });

  test('a symbolic link is no object', async () => {
    const root = await newRoot();
    const store = await openDirectoryStore(root);
    await writeFile(join(folder, 'outside'), 'secret');
    await symlink(join(folder, 'outside'), join(root, 'link'));

    await rejects(store.get('link'), 'object-missing');
    assert.equal(await store.head('link'), undefined);
    for await (const info of store.list('')) assert.fail(info.key);
  });

  test('a user who may not write is told so', async () => {
    const root = await newRoot();
    const store = await openDirectoryStore(root);
    await store.put('a/b', Buffer.from('x'));
    await chmod(root, 0o755);

    await asSomebodyElse([root, join(root, '.store'), join(root, '.store', 'tmp')], async () => {
      await rejects(store.put('a/c', Buffer.from('x')), 'store-denied');
      await rejects(store.beginUpload('a/c'), 'store-denied');
    });
  });

  test('a full disk is said to be full, and the object is not there', async () => {
    const root = await newRoot();
    await openDirectoryStore(root);
    const program = join(import.meta.dirname, 'programs', 'fill-disk.ts');

    // The limit on a file's size (blocks of 512 or 1024 bytes) stands in for a disk's end: the same system call fails the same way.
    const child = spawn('sh', ['-c', 'ulimit -f 1000; exec "$@"', 'sh', process.execPath, program, root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });

    assert.deepEqual(JSON.parse(await text(child.stdout)), { put: 'disk-full', writePart: 'disk-full' });
    const store = await openDirectoryStore(root);
    for await (const info of store.list('')) assert.fail(info.key);
    assert.deepEqual(await readdir(join(root, '.store', 'tmp')), []);
  });

  test('after SIGKILL at any time only whole objects are visible', async () => {
    const root = await newRoot();
    const program = join(import.meta.dirname, 'programs', 'write-forever.ts');

    for (let round = 0; round < 8; round += 1) {
      const child = spawn(process.execPath, [program, root, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      // Not a wait for something to happen: the moment of the kill is the fault, and has to differ.
      await delay(7 * round + Math.random() * 30);
      child.kill('SIGKILL');
      await once(child, 'exit');
    }

    const store = await openDirectoryStore(root);
    let objects = 0;
    for await (const { key, sizeBytes } of store.list('')) {
      objects += 1;
      const expected = key.endsWith('/replaced') ? 100_000 : 3_000_000;
      assert.equal(sizeBytes, expected, key);
      const body = await read(store, key);
      assert.ok(body.equals(Buffer.alloc(expected, body[0])), key);
    }
    assert.ok(objects >= 8, `${objects} objects`);
    await store.put('0/replaced', Buffer.from('the next writer is not held up'));
  });

  test('what crashed writers left is removed once it is old, and what is being written is not', async () => {
    const root = await newRoot();
    const first = await openDirectoryStore(root);
    const upload = await first.beginUpload('a');
    await upload.writePart(1, Buffer.from('x'));
    const temporary = join(root, '.store', 'tmp');
    await writeFile(join(temporary, 'left'), 'half');
    await mkdir(join(temporary, 'left.lock'));
    const dayBefore = new Date('2026-11-20T12:00:00Z');
    for (const name of ['left', 'left.lock']) await utimes(join(temporary, name), dayBefore, dayBefore);

    await openDirectoryStore(root, { staleAfterSeconds: 3600, clock: () => new Date('2026-11-20T12:59:59Z') });
    assert.equal((await readdir(temporary)).length, 3);
    await openDirectoryStore(root, { staleAfterSeconds: 3600, clock: () => new Date('2026-11-20T13:00:01Z') });

    assert.equal((await readdir(temporary)).length, 1);
    await upload.complete();
    assert.equal(String(await read(first, 'a')), 'x');
  });

  test('the lock of a dead writer is broken once it is old', async () => {
    const root = await newRoot();
    const store = await openDirectoryStore(root);
    const { etag } = await store.put('lease', Buffer.from('first'));
    const [lock] = await readdir(join(root, '.store', 'locks'));
    const folderOfLock = join(root, '.store', 'locks', String(lock));
    await writeFile(join(folderOfLock, 'staged'), 'never published');
    const longAgo = new Date(Date.now() - 11_000);
    await utimes(folderOfLock, longAgo, longAgo);

    await store.put('lease', Buffer.from('second'), { condition: { etag } });

    assert.equal(String(await read(store, 'lease')), 'second');
  });

  test('free locks do not pile up, and held ones stay', async () => {
    const root = await newRoot();
    const store = await openDirectoryStore(root);
    for (const key of ['a', 'b', 'c']) await store.put(key, Buffer.from('x'));
    const locks = join(root, '.store', 'locks');
    await mkdir(join(locks, 'held'));
    await writeFile(join(locks, 'held', 'staged'), 'x');
    assert.equal((await readdir(locks)).length, 4);

    await openDirectoryStore(root);

    assert.deepEqual(await readdir(locks), ['held']);
  });

  test('an object has another tag after each replacement, even by the same bytes', async () => {
    const store = await openDirectoryStore(await newRoot());
    const tags = new Set<string>();
    for (let i = 0; i < 50; i += 1) tags.add((await store.put('same', Buffer.from('same'))).etag);

    assert.equal(tags.size, 50);
  });

  test('a copy of the folder is the same store', async () => {
    const root = await newRoot();
    const store = await openDirectoryStore(root);
    await store.put('a/b', Buffer.from('x'), { tags: { tier: 'daily' } });
    const copy = join(folder, 'copy');
    await cp(root, copy, { recursive: true });

    const copied = await openDirectoryStore(copy);

    assert.equal(String(await read(copied, 'a/b')), 'x');
    assert.deepEqual(await copied.tags('a/b'), { tier: 'daily' });
  });
});

/** Does `work` as a user who may read but not write `folders`. Root may do everything, so it becomes somebody else for the time. */
async function asSomebodyElse(folders: readonly string[], work: () => Promise<void>): Promise<void> {
  const { geteuid, seteuid } = process;
  if (geteuid?.() === 0 && seteuid !== undefined) {
    await chmod(join(folders[0] ?? '', '..'), 0o755);
    seteuid(65_534);
    try {
      await work();
    } finally {
      seteuid(0);
    }
    return;
  }
  for (const each of folders) await chmod(each, 0o555);
  try {
    await work();
  } finally {
    for (const each of folders) await chmod(each, 0o755);
  }
}
