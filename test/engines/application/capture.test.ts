import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Libc, openLibc } from '../../../lib/engines/application/native/libc.ts';
import { inspectTar } from '../../../lib/engines/application/tar/inspect-tar.ts';
import { archiveEnd } from '../../../lib/engines/application/tar/pax-header.ts';
import { TarSink } from '../../../lib/engines/application/tar/tar-sink.ts';
import { Choice } from '../../../lib/engines/application/tree/choice.ts';
import { type Omission, omissionOf } from '../../../lib/engines/application/tree/omission.ts';
import { FileReader, type Part } from '../../../lib/engines/application/tree/read-files.ts';
import { TreeSum } from '../../../lib/engines/application/tree/tree-content.ts';
import { walkTree } from '../../../lib/engines/application/tree/walk.ts';
import { makeSocket, noise } from './odd-tree.ts';
import { contextFor, engine, takeBackup, temporaryFolder, treeOf } from './run-engine.ts';

const MiB = 1024 * 1024;

/** Reads files one after another, `between` being called after each part: as if another program wrote then. */
async function readSlowly(root: string, names: readonly string[], between: (part: number) => void, libc?: Libc) {
  const reader = new FileReader(new TarSink(), libc);
  const paths = Buffer.from(names.map((name) => `${name}\0`).join(''));
  const parts: Part[] = [];
  for (const part of reader.read({ root: Buffer.from(root), paths })) {
    parts.push(part);
    between(parts.length);
  }
  const sum = new TreeSum();
  for (const { sums } of parts) sum.addAll(sums);
  const archive = [...parts.map(({ bytes }) => Buffer.from(bytes ?? [])), archiveEnd()];
  const found = await inspectTar(
    (async function* () {
      yield* archive;
    })(),
  );
  assert.deepEqual(found.content, sum.content().content);
  return {
    content: found.content,
    omissions: parts.flatMap(({ omissions }) => omissions.map(({ path, reason }) => `${Buffer.from(path)} ${reason}`)),
  };
}

test('a large file that changes while it is read is read again, and is in the archive as it was then', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'file');
  writeFileSync(file, noise(4 * MiB, 1));

  const { content, omissions } = await readSlowly(folder.path, ['file'], (part) => {
    if (part === 2) appendFileSync(file, 'more');
  });

  assert.deepEqual(omissions, []);
  assert.deepEqual(
    content.tables.map(({ rows, bytes }) => ({ rows, bytes })),
    [{ rows: 1, bytes: 4 * MiB + 4 }],
  );
});

test('a small file that grows large between being looked at and being read is in the archive whole', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'log');
  writeFileSync(file, noise(MiB - 5000, 1));
  const libc = openLibc();
  assert.ok(libc, 'the test steps in where attributes are read, which comes between the two');
  let looks = 0;

  const { content, omissions } = await readSlowly(folder.path, ['log'], () => {}, {
    ...libc,
    xattrs: () => {
      looks += 1;
      if (looks <= 2) appendFileSync(file, noise(looks === 1 ? 4 : 4 * MiB, looks));
      return [];
    },
  });

  assert.deepEqual(omissions, []);
  assert.deepEqual(
    content.tables.map(({ rows, bytes }) => ({ rows, bytes })),
    [{ rows: 1, bytes: 5 * MiB - 5000 + 4 }],
  );
});

test('one that goes on changing is reported, and the archive is whole all the same', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'file');
  writeFileSync(file, noise(4 * MiB, 1));

  const { omissions } = await readSlowly(folder.path, ['file'], () => appendFileSync(file, 'more'));

  assert.deepEqual(omissions, ['file changed']);
});

test('one that is cut short while it is read is filled up with zeros, and reported when it happens again', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'file');
  writeFileSync(file, noise(8 * MiB, 1));

  const { content, omissions } = await readSlowly(folder.path, ['file'], (part) => {
    if (part === 2) truncateSync(file, 5 * MiB);
    if (part === 10) truncateSync(file, 3 * MiB);
  });

  assert.deepEqual(omissions, ['file changed']);
  assert.deepEqual(
    content.tables.map(({ bytes }) => bytes),
    [5 * MiB],
  );
});

test('files and folders that are gone when it is their turn are reported, and the others are there', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'here'), 'x');

  const { content, omissions } = await readSlowly(folder.path, ['gone', 'here', 'folder/gone', 'here/below'], () => {});

  assert.deepEqual(omissions, ['gone vanished', 'folder/gone vanished', 'here/below vanished']);
  assert.deepEqual(
    content.tables.map(({ rows }) => rows),
    [1],
  );
});

test('what a backup lacks is listed in its record; what was tolerated, and sockets, are remarks', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'kept'), 'x');
  const socket = await makeSocket(join(folder.path, 'socket'));
  try {
    const saved = await takeBackup(contextFor({ path: folder.path }));

    assert.equal(treeOf(saved).omissions, undefined);
    assert.deepEqual(treeOf(saved).remarks, ["'socket' left out: a socket holds nothing"]);
    assert.deepEqual(
      treeOf(saved).content?.tables.map(({ rows }) => rows),
      [2],
    );
  } finally {
    socket.close();
  }
});

test('a file that this user may not read makes the list, and not the end of the backup', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'secret'), 'x');
  writeFileSync(join(folder.path, 'open'), 'x');
  mkdirSync(join(folder.path, 'closed'));
  writeFileSync(join(folder.path, 'closed', 'file'), 'x');
  chmodSync(join(folder.path, 'secret'), 0o600);
  chmodSync(join(folder.path, 'closed'), 0o700);
  chmodSync(folder.path, 0o755);

  await asNobody(async () => {
    const context = contextFor({ path: folder.path });
    const saved = await takeBackup(context);
    const probed = await engine.probe(context);

    assert.deepEqual(treeOf(saved).status, 'complete');
    assert.equal(treeOf(saved).omissions?.count, 2);
    assert.deepEqual(
      treeOf(saved)
        .omissions?.listed.map(({ item, reason }) => `${item} ${reason}`)
        .sort(),
      ['closed cannot be read (EACCES)', 'secret cannot be read (EACCES)'],
    );
    assert.match(probed.findings.map(({ message }) => message).join(), /cannot be read by this user, e\.g\. 'closed'/);
  });
});

test('a path that is longer than the system takes makes the list once, and is no bug of the probe', async () => {
  using folder = temporaryFolder();
  // 21 names of 200 bytes: the last ones are reached from within alone.
  const names = 'cd "$1"; i=0; while [ $i -lt 21 ]; do mkdir "$2"; cd "$2"; i=$((i+1)); done; echo deep > file';
  execFileSync('sh', ['-c', names, 'sh', folder.path, 'd'.repeat(200)]);
  const context = contextFor({ path: folder.path });

  const saved = await takeBackup(context);
  const probed = await engine.probe(context);

  assert.equal(treeOf(saved).omissions?.count, 1);
  assert.match(String(treeOf(saved).omissions?.listed[0]?.reason), /^cannot be read \(ENAMETOOLONG\)$/);
  assert.match(String(probed.findings[0]?.message), /^tree '.*': 1 files cannot be read by this user, e\.g\. 'ddd.*…/);
});

test('an empty folder, which a mount that is missing looks like, is no backup unless that is said to be right', async () => {
  using folder = temporaryFolder();

  const refused = await takeBackup(contextFor({ path: folder.path }));
  const allowed = await takeBackup(contextFor({ path: folder.path, allowEmpty: true }));
  const missing = await takeBackup(contextFor({ path: join(folder.path, 'missing') }));

  assert.equal(treeOf(refused).error?.code, 'dump-incomplete');
  assert.equal(treeOf(allowed).status, 'complete');
  assert.equal(treeOf(missing).error?.code, 'source-unreachable');
  assert.deepEqual(
    (await engine.probe(contextFor({ path: folder.path }))).findings.map(({ level }) => level),
    ['error'],
  );
});

test('a folder that only the tasks of its target mount is no trouble to whoever asks how targets are', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'mounted');
  const context = contextFor({ path: join(path, 'app') });

  await assert.rejects(engine.health(context), { code: 'source-unreachable' });
  const { note } = await engine.health({
    ...context,
    options: { mounts: [{ fileSystem: 'fs-01', accessPoint: 'fsap-01', path }] },
  });

  assert.equal(note, 'not asked: its file systems are mounted for backups and restores alone');
});

test('patterns mean what they mean in .gitignore', async () => {
  using folder = temporaryFolder();
  for (const name of ['cache', 'src/cache', 'build', 'src/build', 'docs/deep'])
    mkdirSync(join(folder.path, name), { recursive: true });
  for (const name of [
    'a.tmp',
    'keep.tmp',
    'cache/x',
    'src/cache/y',
    'build/z',
    'src/build/w',
    'src/main',
    'docs/deep/page',
    '#1',
  ])
    writeFileSync(join(folder.path, name), '');
  const paths = async (choice: { readonly include?: string[]; readonly exclude?: string[] }): Promise<string[]> => {
    const found: string[] = [];
    const options = { root: Buffer.from(folder.path), oneFileSystem: true, onOmission: () => assert.fail() };
    for await (const batch of walkTree({ ...options, choice: new Choice({ include: [], exclude: [], ...choice }) }))
      found.push(...batch.map(String));
    return found;
  };

  assert.deepEqual(await paths({ exclude: ['*.tmp', '!keep.tmp', 'cache/', '/build', '\\#1'] }), [
    '',
    'docs',
    'docs/deep',
    'docs/deep/page',
    'keep.tmp',
    'src',
    'src/build',
    'src/build/w',
    'src/main',
  ]);
  assert.deepEqual(await paths({ include: ['/docs/', 'main', '*.tmp'], exclude: ['keep.tmp'] }), [
    '',
    'a.tmp',
    'docs',
    'docs/deep',
    'docs/deep/page',
    'src',
    'src/main',
  ]);
});

test('what is mounted below a tree is an empty folder and said to be, unless mounts are asked for', async () => {
  const shared = mkdtempSync('/dev/shm/holdfast-');
  try {
    const mounts: string[] = [];
    const onOmission = ({ path, reason }: Omission): void => void mounts.push(`${Buffer.from(path)} ${reason}`);
    const paths = async (oneFileSystem: boolean): Promise<string[]> => {
      const found: string[] = [];
      const choice = new Choice({ include: ['/shm'], exclude: [] });
      for await (const batch of walkTree({ root: Buffer.from('/dev'), choice, oneFileSystem, onOmission }))
        found.push(...batch.map(String));
      return found;
    };

    assert.deepEqual(await paths(true), ['', 'shm']);
    assert.deepEqual(mounts, ['shm mount']);
    assert.ok((await paths(false)).includes(shared.slice('/dev/'.length)));
  } finally {
    rmSync(shared, { recursive: true });
  }
});

test('a file system that is left out is no loss, and is told of by the backup and by the probe', async () => {
  const context = contextFor({ path: '/dev', include: ['/shm'] });

  const saved = await takeBackup(context);
  const probed = await engine.probe(context);

  assert.equal(treeOf(saved).omissions, undefined);
  assert.deepEqual(treeOf(saved).remarks, [
    "'shm' kept empty: another file system is mounted there ('oneFileSystem: false' takes it in)",
  ]);
  assert.deepEqual(
    probed.findings.map(({ message }) => message),
    ["tree 'dev': other file systems are mounted below it and left out, at 'shm'"],
  );
});

test('work folders that a killed restore has left are in no backup', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'file'), 'x');
  mkdirSync(join(folder.path, '.app.holdfast-restoring-0123abcd'));
  writeFileSync(join(folder.path, '.app.holdfast-restoring-0123abcd', 'half'), 'x');

  const saved = await takeBackup(contextFor({ path: folder.path }));

  assert.deepEqual(
    treeOf(saved).content?.tables.map(({ name, rows }) => ({ name, rows })),
    [{ name: '.', rows: 2 }],
  );
});

test('a capture that is stopped says so', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'file'), 'x');
  const stop = new AbortController();
  stop.abort();

  const saved = await takeBackup(contextFor({ path: folder.path }, stop.signal));

  assert.equal(treeOf(saved).error?.code, 'stopped');
});

/** Runs `work` as a user who owns nothing, where this one may become another. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}

test('what a file system has against one file is no trouble of the others, and what this process lacks is', () => {
  const path = Buffer.from('data/odd');
  const failure = (code: string): Error => Object.assign(new Error(code), { code });

  assert.deepEqual(omissionOf(path, failure('EINVAL')), { path, reason: 'unreadable', detail: 'EINVAL' });
  assert.deepEqual(omissionOf(path, failure('ESTALE')), { path, reason: 'vanished' });
  assert.throws(() => omissionOf(path, failure('EMFILE')), { code: 'EMFILE' });
});
