import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paxHeaders } from '../../../lib/engines/application/tar/pax-header.ts';
import { TarReader } from '../../../lib/engines/application/tar/tar-reader.ts';
import { type Entry, pathShown, shownPath } from '../../../lib/engines/application/tree/entry.ts';
import { TreeSum } from '../../../lib/engines/application/tree/tree-content.ts';
import { oddName } from './odd-tree.ts';
import { plainFile } from './plain-file.ts';

const entry = (more: Partial<Entry>): Entry => ({ ...plainFile, path: Buffer.from('a'), ...more });

/** What a reader makes of an entry's headers. */
function readBack(written: Entry): Entry | undefined {
  let found: Entry | undefined;
  const reader = new TarReader({
    begin: (read) => {
      found = read;
    },
    data() {},
    end() {},
  });
  reader.push(paxHeaders(written));
  return found;
}

test('what does not fit into a plain header comes back from an extended one', () => {
  for (const written of [
    entry({ size: 10 * 1024 ** 3 }),
    entry({ size: 2 ** 53 - 1, uid: 2 ** 32 - 2, gid: 2 ** 21 }),
    entry({ mtime: -1n }),
    entry({ mtime: 1_795_662_164_627_543_855n }),
    entry({ mtime: (8n ** 11n + 5n) * 1_000_000_000n }),
    entry({ path: Buffer.concat([Buffer.from('folder/'), oddName]) }),
    entry({ path: Buffer.from('x'.repeat(100)) }),
    entry({ path: Buffer.from(`${'long/'.repeat(900)}name`) }),
    entry({ kind: 'link', target: Buffer.from('ü'.repeat(60)) }),
    entry({ xattrs: [[Buffer.from('user.100%=odd'), Buffer.from([0, 10, 61])]] }),
    entry({ kind: 'block-device', device: { major: 259, minor: 1_048_575 } }),
  ])
    assert.deepEqual(readBack(written), written);
});

test('most entries of a tree need no extended header but for their time', () => {
  assert.equal(paxHeaders(entry({ mtime: 1_000_000_000n })).length, 512);
  assert.equal(paxHeaders(entry({ mtime: 1_000_000_001n })).length, 3 * 512);
});

test('the digest of a tree is the one that docs/formats.md describes', () => {
  const sum = new TreeSum();
  sum.add(entry({ path: Buffer.from('d/a'), uid: 1, gid: 2, size: 5, mtime: 1_500_000_000n }), Buffer.alloc(32, 7));
  sum.add(entry({ path: Buffer.from('d'), kind: 'folder', mode: 0o755 }), undefined);

  // Reckoned by hand in Python: hashlib, struct, and integers that do not end at 64 bits.
  assert.deepEqual(sum.content(), {
    content: {
      words: { collection: 'folder', item: 'file' },
      tables: [{ schema: '', name: 'd', rows: 2, bytes: 5, digest: '5cf87217d901b14bc6e42514cd6aca15' }],
    },
    unownedDigests: { d: '1f8a8f0b6649ce000da09a64667dc4f0' },
  });
});

test('a tree of very many folders is one collection, so that a manifest stays small', () => {
  const sum = new TreeSum();
  for (let index = 0; index < 1001; index++)
    sum.add(entry({ path: Buffer.from(`folder-${index}`), kind: 'folder' }), undefined);

  assert.deepEqual(
    sum.content().content.tables.map(({ name, rows }) => ({ name, rows })),
    [{ name: '.', rows: 1001 }],
  );
});

test('a path is shown so that it can be read back, whatever its bytes are', () => {
  for (const path of [
    Buffer.from('a/b'),
    Buffer.alloc(0),
    oddName,
    Buffer.from('back\\slash'),
    Buffer.from('\\x41'),
    Buffer.from('ü\n'),
  ])
    assert.deepEqual(pathShown(shownPath(path)), path);
  assert.equal(shownPath(oddName), 'caf\\xE9');
});
