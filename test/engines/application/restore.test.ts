import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLibc } from '../../../lib/engines/application/native/libc.ts';
import { Destination } from '../../../lib/engines/application/restore/destination.ts';
import { pathIn, terminated } from '../../../lib/engines/application/tree/read-entry.ts';
import { noise } from './odd-tree.ts';
import { contextFor, engine, inPieces, restoreBackup, takeBackup, temporaryFolder } from './run-engine.ts';

const requests = [
  { method: 'files', format: 'tar' },
  { method: 'incremental', format: 'chunks' },
] as const;

/** A small application: its folders, and a file with two names. */
function makeApp(root: string): void {
  for (const name of ['config', 'data', 'data/deep']) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'config', 'app.yaml'), 'level: 1\n');
  writeFileSync(join(root, 'data', 'one'), 'one');
  writeFileSync(join(root, 'data', 'deep', 'two'), noise(1_500_000, 2));
  linkSync(join(root, 'data', 'deep', 'two'), join(root, 'second name'));
  symlinkSync('data/one', join(root, 'link'));
}

async function app(request: (typeof requests)[number]) {
  const folder = temporaryFolder();
  const source = join(folder.path, 'app');
  mkdirSync(source);
  makeApp(source);
  const context = contextFor({ path: source });
  const saved = await takeBackup(context, request);
  return { folder, source, context, saved, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

test('a folder below which a file system is mounted is not replaced: what is mounted is in no backup, and would go with it', async () => {
  // Where every Linux has one mounted.
  assert.throws(() => new Destination('/dev').requireNoMounts(), {
    code: 'preflight-failed',
    message: /^'\/dev' cannot be replaced: file systems are mounted below it, at .*'\/dev\/shm'/,
  });
  // To mount one of its own takes root.
  if (process.geteuid?.() !== 0) return;
  using place = await app({ method: 'files', format: 'tar' });
  const { source, context } = place;
  const mounted = join(source, 'up loads');
  mkdirSync(mounted);
  execFileSync('mount', ['-t', 'tmpfs', 'none', mounted]);
  try {
    writeFileSync(join(mounted, 'photo'), 'the only one');
    const saved = await takeBackup(context, { method: 'files', format: 'tar' });
    const replacing = { to: source, replace: true };

    const restoring = restoreBackup(context, saved, replacing);

    await assert.rejects(restoring, {
      code: 'preflight-failed',
      message: `'${source}' cannot be replaced: file systems are mounted below it, at '${mounted}'`,
    });
    assert.equal(readFileSync(join(mounted, 'photo'), 'utf8'), 'the only one');
    await restoreBackup(context, saved, { to: source, onConflict: 'replace' });
    assert.equal(readFileSync(join(mounted, 'photo'), 'utf8'), 'the only one');
    assert.deepEqual(readdirSync(place.folder.path), ['app']);
  } finally {
    execFileSync('umount', [mounted]);
  }
});

const selection = (...paths: string[]) => ({ schemas: [], tables: [], paths, withDependencies: false });

for (const request of requests) {
  test(`${request.format}: a part of a tree is restored with the folders that lead there, and its links hold what they stand for`, async () => {
    using place = await app(request);
    const copy = join(place.folder.path, 'copy');

    await restoreBackup(place.context, place.saved, { to: copy, selection: selection('data/one', './second name') });

    const names = execFileSync('find', ['.'], { cwd: copy, encoding: 'utf8' }).trim().split('\n').sort();
    assert.deepEqual(names, ['.', './data', './data/one', './second name']);
    // The content stands under the other name in the backup, which was not asked for.
    assert.ok(readFileSync(join(copy, 'second name')).equals(noise(1_500_000, 2)));
    assert.equal(statSync(join(copy, 'second name')).nlink, 1);
  });

  test(`${request.format}: a path that the backup has not is a mistake, and nothing is restored`, async () => {
    using place = await app(request);

    const restoring = restoreBackup(place.context, place.saved, {
      to: join(place.folder.path, 'copy'),
      selection: selection('data', 'data/nine'),
    });

    await assert.rejects(restoring, { code: 'usage', message: "the backup of tree 'app' has no 'data/nine'" });
    assert.deepEqual(readdirSync(place.folder.path), ['app']);
  });

  test(`${request.format}: what is there already makes a part fail, stay or give way, as is asked for`, async () => {
    using place = await app(request);
    const { source, context, saved } = place;
    writeFileSync(join(source, 'data', 'one'), 'changed');
    execFileSync('rm', [join(source, 'config', 'app.yaml')]);
    writeFileSync(join(source, 'data', 'mine'), 'mine');
    const restore = (onConflict?: 'skip' | 'replace') =>
      restoreBackup(context, saved, {
        to: 'app',
        selection: selection('data/one', 'config'),
        ...(onConflict && { onConflict }),
      });

    await assert.rejects(restore(), { code: 'target-not-empty', message: `'${source}' has already 'data/one'` });
    assert.equal(existsSync(join(source, 'config', 'app.yaml')), false);

    const skipped = await restore('skip');
    assert.equal(readFileSync(join(source, 'data', 'one'), 'utf8'), 'changed');
    assert.equal(readFileSync(join(source, 'config', 'app.yaml'), 'utf8'), 'level: 1\n');
    assert.deepEqual(skipped.restored[0]?.comparison.remarks.at(-1), '1 files added, 0 replaced, 1 left as they were');

    await restore('replace');
    assert.equal(readFileSync(join(source, 'data', 'one'), 'utf8'), 'one');
    assert.equal(readFileSync(join(source, 'data', 'mine'), 'utf8'), 'mine');
    assert.deepEqual(readdirSync(place.folder.path), ['app']);
  });

  test(`${request.format}: a rehearsal restores and compares, and leaves everything as it is`, async () => {
    using place = await app(request);
    const before = readdirSync(place.source);

    const { restored } = await restoreBackup(place.context, place.saved, { to: 'app', replace: true, cutOver: false });

    assert.equal(restored[0]?.comparison.same, true);
    assert.match(restored[0]?.comparison.remarks.join() ?? '', /a rehearsal/);
    assert.deepEqual(readdirSync(place.folder.path), ['app']);
    assert.deepEqual(readdirSync(place.source), before);
  });

  test(`${request.format}: who is not root gets the content, and a list of what he could not set`, async () => {
    using folder = temporaryFolder();
    const [source, home] = [join(folder.path, 'app'), join(folder.path, 'home')];
    for (const path of [source, home]) mkdirSync(path);
    makeApp(source);
    const isRoot = process.geteuid?.() === 0;
    chmodSync(folder.path, 0o755);
    writeFileSync(join(source, 'tool'), '#!/bin/sh\n');
    chmodSync(join(source, 'tool'), 0o4755);
    const note = Buffer.from('data/one');
    openLibc()?.setXattr(terminated(pathIn(Buffer.from(source), note)), Buffer.from('user.note'), Buffer.from('kept'));
    chmodSync(join(source, 'data', 'one'), 0o444);
    if (isRoot) {
      chownSync(join(source, 'data', 'one'), 1234, 1234);
      chownSync(home, 65_534, 0);
    }
    const context = contextFor({ path: source });
    const saved = await takeBackup(context, request);

    process.seteuid?.(65_534);
    const { restored } = await restoreBackup(context, saved, { to: join(home, 'copy') }).finally(() =>
      process.seteuid?.(process.getuid?.() ?? 0),
    );

    const remarks = restored[0]?.comparison.remarks ?? [];
    assert.deepEqual(restored[0]?.comparison.differences, []);
    assert.doesNotMatch(remarks.join('\n'), /attribute/);
    assert.match(remarks.join('\n'), /^owner not set, for which root is needed: \d+ files, the first of them '/);
    assert.match(remarks.join('\n'), /set-id bits not set, since the owner is another: 'tool'/);
    assert.equal(statSync(join(home, 'copy', 'tool')).mode & 0o7777, 0o755);
  });

  test(`${request.format}: a copy that cannot be what it should be is kept aside, and what was there stays`, async () => {
    using place = await app(request);
    const { source, context, saved } = place;
    // Another program writes into the copy while it is compared.
    const meddling = {
      ...context,
      progress: ({ phase }: { readonly phase: string }) => {
        const work = readdirSync(place.folder.path).find((name) => name.includes('restoring'));
        if (phase === 'compare' && work) writeFileSync(join(place.folder.path, work, 'data', 'one'), 'other');
      },
    };

    await assert.rejects(restoreBackup(meddling, saved, { to: 'app', replace: true }), {
      code: 'comparison-failed',
      message:
        /differs from the backup and was kept as '.*\/\.app\.holdfast-differs-[0-9a-f]{8}': folder 'data' has 5?/,
    });

    const [aside] = readdirSync(place.folder.path).filter((name) => name !== 'app');
    assert.equal(readFileSync(join(place.folder.path, aside ?? '', 'data', 'one'), 'utf8'), 'other');
    assert.equal(readFileSync(join(source, 'data', 'one'), 'utf8'), 'one');
    // No backup takes it in, and the next restore leaves it to whoever wants to look at it.
    await restoreBackup(context, saved, { to: 'app', replace: true });
    assert.deepEqual(readdirSync(place.folder.path).sort(), [aside, 'app'].sort());
  });

  test(`${request.format}: a folder that is mounted from the same file system is replaced by its contents, too`, async () => {
    using place = await app(request);
    const mounted = join(place.folder.path, 'mounted here');
    mkdirSync(mounted);
    execFileSync('mount', ['--bind', place.source, mounted]);
    try {
      const context = contextFor({ path: mounted });
      const saved = await takeBackup(context, request);
      writeFileSync(join(mounted, 'later'), 'x');

      await restoreBackup(context, saved, { to: mounted, replace: true });

      assert.equal(existsSync(join(place.source, 'later')), false);
      assert.deepEqual(readdirSync(place.folder.path).sort(), ['app', 'mounted here']);
    } finally {
      execFileSync('umount', [mounted]);
    }
  });

  test(`${request.format}: a disk that is too small is told before anything is written, and holes take no room`, async () => {
    using place = await app(request);
    writeFileSync(join(place.source, 'sparse'), '');
    truncateSync(join(place.source, 'sparse'), 100 * 1024 ** 2);
    const saved = await takeBackup(place.context, request);
    const mounted = join(place.folder.path, 'small');
    mkdirSync(mounted);
    const restoreTo = async (size: string): Promise<readonly string[]> => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'none', mounted]);
      try {
        await restoreBackup(place.context, saved, { to: join(mounted, 'copy'), comparison: 'loaded' });
        return readdirSync(mounted);
      } catch (error) {
        assert.deepEqual(readdirSync(mounted), []);
        throw error;
      } finally {
        execFileSync('umount', [mounted]);
      }
    };

    await assert.rejects(restoreTo('1m'), {
      code: 'preflight-failed',
      message: /^2 MiB are to be restored, and '.*' has [01] MiB free$/,
    });
    assert.deepEqual(await restoreTo('8m'), ['copy']);
  });

  test(`${request.format}: a disk that becomes full halfway ends the restore, and leaves nothing behind`, async () => {
    using place = await app(request);
    // Files of this process may not grow past a megabyte: the system's answer is another, and the way through the code the same.
    const script = new URL('./restore-with-limit.ts', import.meta.url).pathname;
    const copy = join(place.folder.path, 'copy');
    const child = spawn(
      'sh',
      ['-c', `ulimit -f 1024; exec "${process.execPath}" "${script}" "${place.source}" "${copy}" ${request.format}`],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += String(chunk);
    });
    await once(child, 'close');

    assert.match(said, /EFBIG/);
    assert.deepEqual(readdirSync(place.folder.path), ['app']);
  });

  test(`${request.format}: a restore that is killed leaves what was there, and the next one clears up behind it`, async () => {
    using place = await app(request);
    const script = new URL('./restore-and-die.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, place.source, request.format], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child, 'close');

    assert.equal(child.signalCode, 'SIGKILL');
    assert.match(readdirSync(place.folder.path).join(), /\.app\.holdfast-restoring-/);
    assert.equal(readFileSync(join(place.source, 'data', 'one'), 'utf8'), 'one');
    await restoreBackup(place.context, place.saved, { to: 'app', replace: true });
    assert.deepEqual(readdirSync(place.folder.path), ['app']);
  });
}

test('what a replacement had put aside when it was killed gets its name back', async () => {
  using place = await app(requests[0]);
  execFileSync('mv', [place.source, join(place.folder.path, '.app.holdfast-replaced-0123abcd')]);

  const restoring = restoreBackup(place.context, place.saved, { to: place.source });

  await assert.rejects(restoring, { code: 'target-not-empty' });
  assert.equal(readFileSync(join(place.source, 'data', 'one'), 'utf8'), 'one');
});

test('what a restore had taken out of a mount when it was killed is kept, and what came after it is not', () => {
  // Where every Linux has a file system mounted, and everybody may write.
  const mount = '/dev/shm';
  const [old, copy] = ['replaced', 'restoring'].map((what) => join(mount, `.shm.holdfast-${what}-0123abcd`));
  assert.ok(old && copy);
  let kept = '';
  try {
    for (const folder of [old, copy]) mkdirSync(folder);
    writeFileSync(join(old, 'order'), 'paid');

    const remarks = new Destination(mount).clearLeftovers();

    kept = /is kept as '(\/dev\/shm\/\.shm\.holdfast-differs-[0-9a-f]{8})'/.exec(remarks[0] ?? '')?.[1] ?? '';
    assert.equal(readFileSync(join(kept, 'order'), 'utf8'), 'paid');
    assert.deepEqual([old, copy].filter(existsSync), []);
    // By itself it is what a whole exchange had still to remove.
    mkdirSync(old);
    assert.deepEqual(new Destination(mount).clearLeftovers(), []);
    assert.deepEqual([old, kept].filter(existsSync), [kept]);
  } finally {
    for (const folder of [old, copy, kept || old]) rmSync(folder, { recursive: true, force: true });
  }
});

test('a restore to a link goes to the folder that it points to', async () => {
  using place = await app(requests[0]);
  const [real, link] = [join(place.folder.path, 'real'), join(place.folder.path, 'current')];
  mkdirSync(real);
  symlinkSync('real', link);

  await restoreBackup(place.context, place.saved, { to: link });

  assert.equal(readFileSync(join(real, 'data', 'one'), 'utf8'), 'one');
  assert.equal(readFileSync(join(link, 'data', 'one'), 'utf8'), 'one');
});

test('archives of other programs are proved whole, packed or not, and other files are none of ours', async () => {
  using place = await app(requests[0]);
  const at = (name: string): string => join(place.folder.path, name);
  const check = async (name: string) => {
    const bytes = readFileSync(at(name));
    const head = bytes.subarray(0, 4096).toString('latin1');
    return engine.checkFile({ path: at(name), head, tail: '' }, new AbortController().signal);
  };
  for (const [name, flags] of [
    ['gnu.tar', ['--format=gnu']],
    ['ustar.tar', ['--format=ustar']],
    ['posix.tar', ['--format=posix', '--xattrs']],
    ['packed.tar.gz', ['-z']],
    ['packed.tar.zst', ['--zstd']],
  ] as const)
    execFileSync('tar', ['-c', ...flags, '-f', at(name), '-C', place.source, '.']);
  writeFileSync(at('cut.tar'), readFileSync(at('posix.tar')).subarray(0, 4000));
  writeFileSync(at('text'), 'x'.repeat(5000));

  for (const [name, format] of [
    ['gnu.tar', 'tar'],
    ['ustar.tar', 'tar'],
    ['posix.tar', 'tar'],
    ['packed.tar.gz', 'tar.gz'],
    ['packed.tar.zst', 'tar.zst'],
  ] as const) {
    const checked = await check(name);
    assert.deepEqual([checked?.format, checked?.content?.tables.map(({ rows }) => rows)], [format, [3, 2, 4]], name);
  }
  await assert.rejects(check('cut.tar'), { code: 'dump-incomplete' });
  assert.equal(await check('text'), undefined);
  assert.ok([...inPieces(Buffer.alloc(3), 2)].length === 2);
});
