import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChunkSink } from '../../../lib/engines/application/chunks/chunk-sink.ts';
import { Cutter, largestChunk, smallestChunk } from '../../../lib/engines/application/chunks/cut.ts';
import { inWalkOrder } from '../../../lib/engines/application/chunks/parent-index.ts';
import { buildWasm, cutModule, generatedPath } from '../../../scripts/build-wasm.ts';
import { noise } from './odd-tree.ts';
import { plainFile } from './plain-file.ts';
import {
  contextFor,
  objectsRead,
  restoreBackup,
  type Saved,
  takeBackup,
  temporaryFolder,
  treeOf,
} from './run-engine.ts';

const MiB = 1024 * 1024;
const incremental = { method: 'incremental', format: 'chunks' } as const;

const packsOf = ({ manifest }: Saved) => {
  const packs = manifest.streams.find(({ kind }) => kind === 'packs');
  assert.ok(packs);
  return packs;
};
const sameTrees = (one: string, other: string): void => {
  execFileSync('diff', ['--recursive', '--no-dereference', one, other]);
};

/** Where the first chunk of the bytes ends. */
const cutter = new Cutter();
function cutOf(bytes: Uint8Array): number {
  cutter.memory.set(bytes);
  return cutter.cut(0, bytes.length);
}

/** The same, as docs/formats.md has it in words. */
function cutInWords(bytes: Uint8Array): number {
  const gear = Array.from({ length: 256 }, (_, byte) =>
    hash('sha256', Buffer.concat([Buffer.from('holdfast gear'), Buffer.from([byte])]), 'buffer').readInt32LE(0),
  );
  let sum = 0;
  for (let at = 256 * 1024; at < Math.min(bytes.length, 4 * MiB); at++) {
    sum = ((sum << 1) + (gear[bytes[at] as number] as number)) | 0;
    if (sum >>> (at < MiB ? 10 : 14) === 0) return at + 1;
  }
  return Math.min(bytes.length, 4 * MiB);
}

test('the cuts depend on the bytes alone: what is put in front moves them, and changes the nearest', () => {
  const bytes = noise(16 * MiB, 5);
  const cuts = (input: Buffer): Set<string> => {
    const found = new Set<string>();
    for (let at = 0; at < input.length; ) {
      const length = cutOf(input.subarray(at, at + largestChunk));
      found.add(input.subarray(at, at + length).toString('latin1'));
      at += length;
    }
    return found;
  };

  const [before, after] = [cuts(bytes), cuts(Buffer.concat([Buffer.from('in front'), bytes]))];

  assert.ok(before.size >= 8 && before.size <= 40, `${before.size}`);
  assert.ok([...after].filter((chunk) => !before.has(chunk)).length <= 2);
  for (const chunk of [...before].slice(0, -1))
    assert.ok(chunk.length >= smallestChunk && chunk.length <= largestChunk);
});

test('the cuts are where docs/formats.md says', async () => {
  for (const [seed, length] of [
    [1, 4 * MiB],
    [2, 4 * MiB],
    [3, 1_500_000],
    [4, 262_145],
    [5, 262_144],
    [6, 0],
  ] as const) {
    const bytes = noise(length, seed);
    assert.equal(cutOf(bytes), cutInWords(bytes), `${seed}`);
  }
  // The module is what its source says.
  assert.equal(await buildWasm(cutModule), readFileSync(generatedPath(cutModule), 'utf8'));
});

test('a hole is cut as its zeros are, wherever it lies between data', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ data: fc.nat(MiB), hole: fc.nat(20 * MiB) }), { minLength: 1, maxLength: 4 }),
      (pieces) => {
        const [read, told] = [new ChunkSink({ keeps: 'nothing' }), new ChunkSink({ keeps: 'nothing' })];
        for (const sink of [read, told]) sink.beginFile(plainFile, { isAgain: false });
        for (const [index, { data, hole }] of pieces.entries()) {
          for (const sink of [read, told]) sink.write(noise(4 * data, index));
          read.write(Buffer.alloc(hole));
          told.writeZeros(hole);
        }

        assert.deepEqual(told.endFile(), read.endFile());
      },
    ),
    { numRuns: 6 },
  );
  const zeros = Buffer.alloc(largestChunk);
  assert.equal(cutOf(zeros), largestChunk);
});

test('a hole of eight gibibytes costs one chunk of zeros, and comes back as a hole', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'lastlog');
  writeFileSync(path, 'x');
  truncateSync(path, 8 * 1024 ** 3);
  appendFileSync(path, 'y');
  const context = contextFor({ path: folder.path });

  const saved = await takeBackup(context, incremental);

  const bytes = packsOf(saved).plainBytes;
  assert.ok(bytes > largestChunk && bytes < 3 * largestChunk, `${bytes}`);
  using copy = temporaryFolder();
  await restoreBackup(context, saved, { to: copy.path });
  const { size, blocks } = statSync(join(copy.path, 'lastlog'));
  assert.equal(size, 8 * 1024 ** 3 + 1);
  assert.ok(blocks * 512 < 16 * MiB, `${blocks}`);
});

test('paths are compared in the order in which a tree is walked', () => {
  const walked = ['a', 'a/b', 'a/b/c', 'a-b', 'a.b', 'ab', 'b'].map((path) => Buffer.from(path));

  assert.deepEqual(walked.toReversed().sort(inWalkOrder), walked);
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (one, other) => {
      const [a, b] = [Buffer.from(one), Buffer.from(other)];
      assert.equal(Math.sign(inWalkOrder(a, b)) + Math.sign(inWalkOrder(b, a)), 0);
    }),
  );
});

test('a tree that did not change costs its index, and none of its files is read', async () => {
  using folder = temporaryFolder();
  for (let index = 0; index < 300; index++) writeFileSync(join(folder.path, `file-${index}`), `content ${index}`);
  writeFileSync(join(folder.path, 'large'), noise(5 * MiB, 1));
  const context = contextFor({ path: folder.path });
  const first = await takeBackup(context, incremental);

  const second = await takeBackup(context, incremental, [first]);

  assert.equal(packsOf(second).plainBytes, 8 + 36);
  assert.deepEqual(second.manifest.parent, first.manifest.backupId);
  assert.deepEqual(treeOf(second).content, treeOf(first).content);
  assert.equal(treeOf(second).facts['unreadFiles'], 301);
});

test('what is moved, copied or appended to costs what is new of it', async () => {
  using folder = temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  mkdirSync(at('a'));
  writeFileSync(at('a/large'), noise(12 * MiB, 1));
  writeFileSync(at('a/other'), noise(3 * MiB, 2));
  const context = contextFor({ path: folder.path });
  const first = await takeBackup(context, incremental);

  renameSync(at('a'), at('b'));
  writeFileSync(at('copy'), readFileSync(at('b/other')));
  appendFileSync(at('b/large'), noise(100_000, 3));
  const fd = openSync(at('b/large'), 'r+');
  writeSync(fd, Buffer.from('a few bytes'), 0, 11, 6 * MiB);
  const second = await takeBackup(context, incremental, [first]);

  const bytes = packsOf(second).plainBytes;
  assert.ok(bytes > 100_000 && bytes < 2 * largestChunk, `${bytes}`);
  using copy = temporaryFolder();
  await restoreBackup(context, second, { to: copy.path, chain: [first] });
  sameTrees(folder.path, copy.path);
});

test('a file whose times were set back after it was written to is read all the same', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'file');
  writeFileSync(file, 'one');
  utimesSync(file, 1_000_000, 1_000_000);
  const context = contextFor({ path: folder.path });
  const first = await takeBackup(context, incremental);

  writeFileSync(file, 'two');
  utimesSync(file, 1_000_000, 1_000_000);
  const second = await takeBackup(context, incremental, [first]);

  assert.equal(treeOf(second).facts['unreadFiles'], 0);
  assert.notDeepEqual(treeOf(second).content, treeOf(first).content);
});

test('every backup of a chain restores what was there when it was taken, through any changes', async () => {
  using folder = temporaryFolder();
  const at = (name: string): string => join(folder.path, 'app', name);
  mkdirSync(at('data'), { recursive: true });
  const context = contextFor({ path: join(folder.path, 'app'), chainLinks: 3 });
  const chain: Saved[] = [];
  for (let round = 0; round < 6; round++) {
    writeFileSync(at(`data/kept-${round}`), noise(400_000, 10 + round));
    writeFileSync(at('always'), `round ${round}`);
    if (round >= 2) rmSync(at(`data/kept-${round - 2}`));
    execFileSync('cp', ['-a', join(folder.path, 'app'), join(folder.path, `then-${round}`)]);
    chain.push(await takeBackup(context, incremental, chain));
  }

  const parents = chain.map(({ manifest }) => chain.findIndex((one) => one.manifest.backupId === manifest.parent));
  // After three links the chain begins anew, with what it needs copied from the store.
  assert.deepEqual(parents, [-1, 0, 1, 2, -1, 4]);
  for (const [round, saved] of chain.entries()) {
    const copy = join(folder.path, `copy-${round}`);
    const needed = round < 4 ? chain.slice(0, round) : chain.slice(4, round);
    await restoreBackup(context, saved, { to: copy, chain: needed });
    sameTrees(join(folder.path, `then-${round}`), copy);
  }
});

test('a chain that may have no links is a whole backup each time, and reads what changed alone', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'same'), noise(2 * MiB, 1));
  const context = contextFor({ path: folder.path, chainLinks: 0 });
  const first = await takeBackup(context, incremental);
  writeFileSync(join(folder.path, 'new'), 'new');

  const second = await takeBackup(context, incremental, [first]);

  assert.equal(second.manifest.parent, null);
  assert.equal(treeOf(second).facts['unreadFiles'], 1);
  using copy = temporaryFolder();
  await restoreBackup(context, second, { to: copy.path });
  sameTrees(folder.path, copy.path);
});

test('one file is restored by reading the packs that hold it, and no others', async () => {
  using folder = temporaryFolder();
  for (let index = 0; index < 3; index++)
    writeFileSync(join(folder.path, `large-${index}`), noise(50 * MiB, 20 + index));
  const context = contextFor({ path: folder.path });
  const first = await takeBackup(context, incremental);
  writeFileSync(join(folder.path, 'small'), 'small');
  const second = await takeBackup(context, incremental, [first]);
  using copy = temporaryFolder();
  objectsRead.length = 0;
  const restore = (path: string, to: string) =>
    restoreBackup(context, second, {
      to: join(copy.path, to),
      chain: [first],
      selection: { schemas: [], tables: [], paths: [path], withDependencies: false },
    });

  await restore('small', 'one');
  const forSmall = objectsRead.splice(0);
  await restore('large-0', 'two');

  assert.deepEqual(packsOf(first).objects.length, 3);
  assert.deepEqual(forSmall, [`${second.manifest.backupId}/${packsOf(second).stream}/0`]);
  assert.deepEqual(objectsRead, [`${first.manifest.backupId}/${packsOf(first).stream}/0`]);
});

test('a chunk that is not what its SHA-256 says ends a restore, wherever it lies', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'file'), noise(700_000, 1));
  const context = contextFor({ path: folder.path });
  const first = await takeBackup(context, incremental);
  const second = await takeBackup(context, incremental, [first]);
  const packs = Buffer.from(first.bytes.get(packsOf(first).stream) as Buffer);
  packs[300_000] = (packs[300_000] as number) ^ 1;
  const damaged: Saved = { ...first, bytes: new Map([...first.bytes, [packsOf(first).stream, packs]]) };
  using copy = temporaryFolder();

  const restoring = restoreBackup(context, second, { to: join(copy.path, 'copy'), chain: [damaged] });

  await assert.rejects(restoring, { code: 'corrupt', message: /is not what its SHA-256 says/ });
});

test('a large file that changes while it is read is in the index once, as it came last', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'log');
  writeFileSync(path, noise(40 * MiB, 1));
  const context = contextFor({ path: folder.path });
  let pieces = 0;

  const saved = await takeBackup(context, incremental, [], () => {
    pieces += 1;
    if (pieces === 3) appendFileSync(path, 'more');
  });

  const tree = treeOf(saved);
  assert.deepEqual([tree.status, tree.omissions], ['complete', undefined]);
  assert.deepEqual(
    tree.content?.tables.map(({ rows, bytes }) => [rows, bytes]),
    [[2, 40 * MiB + 4]],
  );
  using copy = temporaryFolder();
  await restoreBackup(context, saved, { to: copy.path });
  sameTrees(folder.path, copy.path);
});

test('a tree that the parent has not is read whole, and the others build on it', async () => {
  using folder = temporaryFolder();
  for (const name of ['one', 'two']) {
    mkdirSync(join(folder.path, name));
    writeFileSync(join(folder.path, name, 'file'), noise(500_000, name.length));
  }
  const tree = (name: string) => ({ name, path: join(folder.path, name) });
  const first = await takeBackup(contextFor({ trees: [tree('one')] }), incremental);

  const second = await takeBackup(contextFor({ trees: [tree('one'), tree('two')] }), incremental, [first]);

  const packs = second.manifest.streams.filter(({ kind }) => kind === 'packs').map(({ plainBytes }) => plainBytes);
  assert.deepEqual(packs, [44, 500_000 + 2 * 36 + 8]);
});
