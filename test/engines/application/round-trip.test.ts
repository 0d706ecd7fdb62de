import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeOddTree } from './odd-tree.ts';
import { contextFor, engine, inPieces, restoreBackup, takeBackup, temporaryFolder, treeOf } from './run-engine.ts';

const requests = [
  { method: 'files', format: 'tar' },
  { method: 'incremental', format: 'chunks' },
] as const;

/** Everything that find can tell of a tree, times to the nanosecond included. */
const listing = (root: string): string =>
  execFileSync('find', ['.', '-printf', '%P|%y|%m|%U:%G|%T@|%s|%l|%n\\0'], { cwd: root, encoding: 'latin1' })
    .split('\0')
    .map((line) => line.replace(/^(.*?\|d\|.*\|)\d+(\|.*\|)\d+$/s, '$1$2'))
    .sort()
    .join('\n');
const checksums = (root: string): string =>
  execFileSync('sh', ['-c', 'find . -type f -print0 | sort -z | xargs -0 sha256sum'], {
    cwd: root,
    encoding: 'latin1',
  });

for (const request of requests) {
  test(`${request.format}: everything that a file system holds comes back as it was`, async () => {
    using folder = temporaryFolder();
    const [source, copy] = [join(folder.path, 'source'), join(folder.path, 'copy')];
    mkdirSync(source);
    const names = makeOddTree(source);
    const context = contextFor({ path: source });

    const saved = await takeBackup(context, request);
    const { restored } = await restoreBackup(context, saved, { to: copy });

    assert.deepEqual(saved.manifest.streams.map(({ status, error }) => ({ status, error })).at(-1), {
      status: 'complete',
      error: undefined,
    });
    assert.equal(treeOf(saved).omissions, undefined);
    assert.deepEqual(restored[0]?.comparison.differences, []);
    assert.equal(restored[0]?.comparison.itemsCompared, names);
    assert.deepEqual(restored[0]?.comparison.remarks, []);
    assert.equal(listing(copy), listing(source));
    assert.equal(checksums(copy), checksums(source));
    const again = await engine.compare(context, treeOf(saved), copy);
    assert.deepEqual(again.differences, []);
  });

  test(`${request.format}: what was captured is what an inspection of its bytes finds`, async () => {
    using folder = temporaryFolder();
    makeOddTree(folder.path);
    const context = contextFor({ path: folder.path });

    const { manifest, bytes } = await takeBackup(context, request);

    for (const record of manifest.streams) {
      const stream = inPieces(bytes.get(record.stream) as Buffer, 4099);
      const content = await engine.inspect(
        record,
        (async function* () {
          yield* stream;
        })(),
        context,
      );
      assert.deepEqual(content, record.content);
    }
  });

  test(`${request.format}: a tree is not the same when one byte, mode, time, owner or attribute of it differs`, async () => {
    using folder = temporaryFolder();
    const [source, copy] = [join(folder.path, 'source'), join(folder.path, 'copy')];
    mkdirSync(source);
    makeOddTree(source);
    const context = contextFor({ path: source });
    const saved = await takeBackup(context, request);
    await restoreBackup(context, saved, { to: copy });

    const changes: readonly (readonly [string, string, string])[] = [
      ['touch -d 2001-01-01 empty', 'touch -r SOURCE/empty empty', 'the tree itself'],
      ['chmod 600 bin/run', 'chmod 4755 bin/run', "folder 'bin'"],
      ['chown 4 bin/run', 'chown 1234 bin/run; chmod 4755 bin/run', "folder 'bin'"],
    ];
    for (const [change, undo, where] of changes) {
      execFileSync('sh', ['-c', change], { cwd: copy });
      const { differences } = await engine.compare(context, treeOf(saved), copy);
      assert.equal(differences.length, 1, change);
      assert.match(differences[0] ?? '', new RegExp(`^${where} has other`), change);
      execFileSync('sh', ['-c', undo.replaceAll('SOURCE', source)], { cwd: copy });
    }
    writeFileSync(join(copy, 'odd', 'new'), '');
    const { differences } = await engine.compare(context, treeOf(saved), copy);
    assert.match(differences[0] ?? '', /^folder 'odd' has \d+ files, in the backup \d+$/);
  });
}
