import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { SafeFolder } from '../../../lib/engines/application/restore/safe-folder.ts';
import { inspectTar, readTar, TarContent } from '../../../lib/engines/application/tar/inspect-tar.ts';
import { archiveEnd, padding, paxHeaders, sparseMap } from '../../../lib/engines/application/tar/pax-header.ts';
import type { Entry } from '../../../lib/engines/application/tree/entry.ts';
import { contextFor, engine, inPieces, restoreBackup, type Saved, takeBackup, temporaryFolder } from './run-engine.ts';

const plain = { mode: 0o644, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, mtime: 0n, xattrs: [] };
const entry = (path: string, more: Partial<Entry> = {}): Entry => ({
  ...plain,
  path: Buffer.from(path),
  kind: 'file',
  size: 0,
  ...more,
});

type Member = { readonly entry: Entry; readonly content?: string };

/** An archive of such members, as nobody honest would write it. */
function archiveOf(members: readonly Member[]): Buffer {
  return Buffer.concat([
    ...members.flatMap(({ entry: { size: _, ...rest }, content = '' }) => {
      const bytes = Buffer.from(content);
      return [paxHeaders({ ...rest, size: bytes.length }), bytes, padding(bytes.length)];
    }),
    archiveEnd(),
  ]);
}

/** A backup whose manifest vouches for the archive: the worst that somebody with the data key could make. */
async function forged(members: readonly Member[]): Promise<Saved> {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'x'), '');
  const honest = await takeBackup(contextFor({ path: folder.path }));
  const bytes = archiveOf(members);
  const content = new TarContent();
  await readTar(piecesOf(bytes), content);
  const streams = honest.manifest.streams.map((stream) => ({ ...stream, content: content.result().content }));
  const [stream] = streams;
  assert.ok(stream);
  return { manifest: { ...honest.manifest, streams }, bytes: new Map([[stream.stream, bytes]]) };
}

async function* piecesOf(bytes: Buffer, size?: number) {
  yield* inPieces(bytes, size);
}

const root: Member = { entry: entry('', { kind: 'folder', mode: 0o755 }) };
const attacks: Readonly<Record<string, readonly Member[]>> = {
  'climbs out by two dots': [root, { entry: entry('../escaped'), content: 'x' }],
  'climbs out further down': [
    root,
    { entry: entry('a', { kind: 'folder' }) },
    { entry: entry('a/../../escaped'), content: 'x' },
  ],
  'has an absolute name': [root, { entry: entry('/tmp/holdfast-escaped'), content: 'x' }],
  'writes through a link to a folder': [
    root,
    { entry: entry('way', { kind: 'link', target: Buffer.from('..') }) },
    { entry: entry('way/escaped'), content: 'x' },
  ],
  'writes through an absolute link': [
    root,
    { entry: entry('way', { kind: 'link', target: Buffer.from('OUTSIDE') }) },
    { entry: entry('way/escaped'), content: 'x' },
  ],
  'makes a folder of a link': [
    root,
    { entry: entry('way', { kind: 'link', target: Buffer.from('OUTSIDE') }) },
    { entry: entry('way', { kind: 'folder', mode: 0o777 }) },
    { entry: entry('way/escaped'), content: 'x' },
  ],
  'links hard to a file outside': [
    root,
    { entry: entry('stolen', { kind: 'hard-link', target: Buffer.from('../OUTSIDE/secret') }) },
  ],
  'links hard through a link': [
    root,
    { entry: entry('way', { kind: 'link', target: Buffer.from('OUTSIDE') }) },
    { entry: entry('stolen', { kind: 'hard-link', target: Buffer.from('way/secret') }) },
  ],
  'makes a device under a link': [
    root,
    { entry: entry('way', { kind: 'link', target: Buffer.from('OUTSIDE') }) },
    { entry: entry('way/escaped', { kind: 'fifo' }) },
  ],
};

for (const [what, members] of Object.entries(attacks)) {
  test(`an archive that ${what} is refused, and nothing outside of the folder is touched`, async () => {
    using folder = temporaryFolder();
    const outside = join(folder.path, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret'), 'secret');
    const placed = members.map((member) => {
      const target = member.entry.target?.toString().replace('../OUTSIDE', '../outside').replace('OUTSIDE', outside);
      return target === undefined ? member : { ...member, entry: { ...member.entry, target: Buffer.from(target) } };
    });
    const saved = await forged(placed);

    const restoring = restoreBackup(contextFor({ path: outside }), saved, { to: join(folder.path, 'copy') });

    await assert.rejects(restoring, { code: 'corrupt' });
    assert.deepEqual(readdirSync(folder.path), ['outside']);
    assert.deepEqual(readdirSync(outside), ['secret']);
    assert.equal(existsSync('/tmp/holdfast-escaped'), false);
  });
}

test('a link stays what it was: the file that comes in its place does not go where it leads', async () => {
  using folder = temporaryFolder();
  const outside = join(folder.path, 'outside');
  writeFileSync(outside, 'as before');
  const saved = await forged([
    root,
    { entry: entry('file', { kind: 'link', target: Buffer.from(outside) }) },
    { entry: entry('file'), content: 'overwritten' },
  ]);

  await restoreBackup(contextFor({ path: folder.path }), saved, {
    to: join(folder.path, 'copy'),
    comparison: 'loaded',
  });

  assert.equal(readFileSync(outside, 'utf8'), 'as before');
  assert.equal(readFileSync(join(folder.path, 'copy', 'file'), 'utf8'), 'overwritten');
});

test('a folder that becomes a link while it is being restored into is not followed', () => {
  using folder = temporaryFolder();
  const [inside, outside] = [join(folder.path, 'inside'), join(folder.path, 'outside')];
  mkdirSync(join(inside, 'a', 'b'), { recursive: true });
  mkdirSync(join(outside, 'b'), { recursive: true });
  using safe = new SafeFolder(inside);
  writeFileSync(safe.reach(Buffer.from('a/b/first')), '1');
  execFileSync('mv', [join(inside, 'a'), join(inside, 'moved')]);
  symlinkSync(outside, join(inside, 'a'));

  // The folder that was opened is still the one that is written to, wherever it is now.
  writeFileSync(safe.reach(Buffer.from('a/b/second')), '2');
  assert.deepEqual(readdirSync(join(outside, 'b')), []);
  assert.deepEqual(readdirSync(join(inside, 'moved', 'b')), ['first', 'second']);
  safe.leave(Buffer.from('a'));
  assert.throws(() => safe.reach(Buffer.from('a/b/third')), { code: 'corrupt' });
});

test('an archive in which any one byte is another is refused, or holds other content', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'file'), 'some content');
  mkdirSync(join(folder.path, 'folder'));
  writeFileSync(join(folder.path, 'folder', `${'long'.repeat(40)}`), 'x');
  const context = contextFor({ path: folder.path });
  const { manifest, bytes } = await takeBackup(context);
  const [record] = manifest.streams;
  assert.ok(record);
  const original = bytes.get(record.stream) as Buffer;
  /** The content, or the code of the refusal. */
  const outcome = (archive: Buffer) =>
    engine.inspect(record, piecesOf(archive), context).then(
      (content) => JSON.stringify(content),
      (error: { code: string }) => error.code,
    );

  const unnoticed: number[] = [];
  for (let at = 0; at < original.length; at++) {
    const changed = Buffer.from(original);
    changed[at] = (changed[at] as number) ^ 1;
    const found = await outcome(changed);
    assert.ok(found.startsWith('{') || found === 'corrupt' || found === 'dump-incomplete', `${at}: ${found}`);
    if (found === JSON.stringify(record.content)) unnoticed.push(at);
  }
  // What means nothing: the filling up of blocks, and the name that an extended header bears itself. SHA-256 covers them all.
  const isFilling = (at: number): boolean => {
    const block = original.subarray(at - (at % 512), at - (at % 512) + 512);
    return block.toString('latin1', 257, 262) !== 'ustar';
  };
  assert.deepEqual(
    unnoticed.filter((at) => !isFilling(at)),
    [],
  );
  assert.equal(createHash('sha256').update(original).digest('hex'), record.plainSha256);
});

test('whatever bytes a reader of archives is given, it ends with a refusal of its own or an end mark', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(fc.uint8Array({ maxLength: 600 }), fc.constant(paxHeaders(entry('a'))), fc.constant(archiveEnd())),
      ),
      async (pieces) => {
        const bytes = Buffer.concat(pieces);
        await inspectTar(piecesOf(bytes, 100)).catch((error: { code?: string }) => {
          assert.match(String(error.code), /^(corrupt|dump-incomplete)$/);
        });
      },
    ),
    { numRuns: 300 },
  );
});

test('an archive that promises a header of gigabytes, or a list of stretches without end, is refused at once', async () => {
  const huge = paxHeaders(entry('a'));
  huge.write('x', 156, 'latin1');
  huge.write('77777777777', 124, 'latin1');
  let sum = 8 * 32;
  for (const [at, byte] of huge.entries()) if (at < 148 || at >= 156) sum += byte;
  huge.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');

  await assert.rejects(inspectTar(piecesOf(huge)), { code: 'corrupt' });
  const sparse = paxHeaders(entry('a', { size: 1e12 }), { sparse: { map: Buffer.alloc(512), dataBytes: 1e9 } });
  const digits = Buffer.from('9'.repeat(1024));
  await assert.rejects(inspectTar(piecesOf(Buffer.concat([sparse, ...Array(20_000).fill(digits)]))), {
    code: 'corrupt',
  });
});

test('others have their turn while the zeros of a large hole are summed, and a stop ends it', async () => {
  const size = 2 ** 43;
  const map = sparseMap([], size);
  const sparse = entry('lastlog', { size, isSparse: true });
  const archive = Buffer.concat([paxHeaders(sparse, { sparse: { map, dataBytes: 0 } }), map, archiveEnd()]);
  const controller = new AbortController();
  setImmediate(() => controller.abort(new Error('stopped')));

  await assert.rejects(inspectTar(piecesOf(archive), { signal: controller.signal }), { message: 'stopped' });
});

test('a file that claims to be larger than files are is refused at once', async () => {
  const size = 2 ** 52;
  const map = sparseMap([], size);
  const sparse = entry('lastlog', { size, isSparse: true });
  const archive = Buffer.concat([paxHeaders(sparse, { sparse: { map, dataBytes: 0 } }), map, archiveEnd()]);

  await assert.rejects(inspectTar(piecesOf(archive)), {
    code: 'corrupt',
    message: /a file of 4503599627370496 bytes is larger than files are$/,
  });
});
