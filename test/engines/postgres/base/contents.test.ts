import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import fc from 'fast-check';
import { PageChecksums } from '../../../../lib/engines/postgres/base/contents/page-checksums.ts';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { buildWasm, generatedPath, pageChecksumModule } from '../../../../scripts/build-wasm.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { capture, type Saved, type TestContext } from '../../saved-streams.ts';
import { contextFor, run, session } from '../run-engine.ts';

const engine = postgresEngine();
const blockBytes = 512;

/** Where in an archive of the server's the content of a file begins; its headers are plain ones. */
function contentOf(archive: Buffer, file: string): number {
  for (let at = 0; at < archive.length; ) {
    const name = archive.toString('latin1', at, archive.indexOf(0, at));
    const size = Number.parseInt(archive.toString('latin1', at + 124, at + 135), 8);
    if (name === file) return at + blockBytes;
    at += blockBytes + Math.ceil(size / blockBytes) * blockBytes;
  }
  throw new Error(`the archive has no file '${file}'`);
}

suite('what is looked for in the streams of a base backup', { concurrency: false }, () => {
  let server: PostgresServer;
  let context: TestContext;
  let cluster: Saved;
  let manifest: Saved;
  let table: string;
  before(async () => {
    server = await postgresServer({ major: 17 });
    await run(server, 'postgres', 'create table numbers as select * from generate_series(1, 20000) id');
    await run(server, 'postgres', 'create table "half an odd name" (id int)');
    await using client = await session(server, 'postgres');
    table = (await client.query("select pg_relation_filepath('numbers') as file")).rows[0]?.file;
    context = contextFor(server);
    const saved = await capture(engine, context, { method: 'base', format: 'base' });
    cluster = saved.get('cluster') ?? assert.fail('there is no cluster');
    manifest = saved.get('backup_manifest') ?? assert.fail('there is no manifest');
  });
  after(async () => {
    context?.[Symbol.dispose]();
    await server?.[Symbol.asyncDispose]();
  });

  /** What the inspection finds, after a change, with the bytes in pieces of this size. */
  const inspected = async (
    { record, bytes }: Saved,
    change: (bytes: Buffer) => Buffer | undefined = () => undefined,
    pieceBytes = 65_536,
  ): Promise<unknown> => {
    const copy = Buffer.from(bytes);
    const changed = change(copy) ?? copy;
    async function* pieces() {
      for (let at = 0; at < changed.length; at += pieceBytes) yield changed.subarray(at, at + pieceBytes);
    }
    return engine.inspect(record, pieces(), context);
  };

  test('the same content is found however the bytes are cut', async () => {
    for (const pieceBytes of [1009, 8191, 8192, 262_145, cluster.bytes.length])
      assert.deepEqual(await inspected(cluster, undefined, pieceBytes), cluster.record.content);
    for (const pieceBytes of [7, 4096])
      assert.deepEqual(await inspected(manifest, undefined, pieceBytes), manifest.record.content);
  });

  test('a bit turned in a page is told by file and block', async () => {
    const changed = inspected(cluster, (bytes) => {
      const at = contentOf(bytes, table) + 5 * 8192 + 3000;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return undefined;
    });

    await assert.rejects(changed, { code: 'corrupt', message: `block 5 of ${table} is not what its checksum says` });
  });

  test('a bit turned in pg_control is found', async () => {
    const changed = inspected(cluster, (bytes) => {
      const at = contentOf(bytes, 'global/pg_control') + 40;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return undefined;
    });

    await assert.rejects(changed, { code: 'corrupt', message: /checksum of pg_control/ });
  });

  test('a WAL segment that is missing, or is another, is named', async () => {
    const segment = 'pg_wal/000000010000000000000002';
    const renamed = inspected(cluster, (bytes) => {
      rename(bytes, segment, 'pg_wal/00000001000000000000000F');
      return undefined;
    });
    const foreign = inspected(cluster, (bytes) => {
      bytes.writeBigUInt64LE(0x5000000n, contentOf(bytes, segment) + 8);
      return undefined;
    });

    await assert.rejects(renamed, { code: 'dump-incomplete', message: /lacks WAL segment 000000010000000000000002/ });
    await assert.rejects(foreign, {
      code: 'dump-incomplete',
      message: /segment 000000010000000000000002 is good up to 0\/2000000/,
    });
  });

  test('without its backup_label an archive is refused', async () => {
    const renamed = inspected(cluster, (bytes) => {
      rename(bytes, 'backup_label', 'backup_lapel');
      return undefined;
    });

    await assert.rejects(renamed, { code: 'dump-incomplete', message: 'the archive has no file backup_label' });
  });

  test('an archive, and a manifest, that ends before its end is refused wherever it is cut', async () => {
    for (const stream of [cluster, manifest])
      for (const length of [1, Math.floor(stream.bytes.length / 2), stream.bytes.length - 1])
        await assert.rejects(
          inspected(stream, (bytes) => bytes.subarray(0, length)),
          ({ code }: { code?: string }) => ['corrupt', 'dump-incomplete'].includes(String(code)),
        );
  });

  test("any byte changed in the server's manifest is found", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: manifest.bytes.length - 2 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, mask) => {
          const changed = inspected(manifest, (bytes) => {
            bytes[at] = (bytes[at] ?? 0) ^ mask;
            return undefined;
          }).then(
            (content) => assert.notDeepEqual(content, manifest.record.content),
            ({ code }) => assert.match(code, /corrupt|dump-incomplete/),
          );
          await changed;
        },
      ),
      { numRuns: 100 },
    );
  });
});

/** Gives a file of the archive another name of the same length. */
function rename(archive: Buffer, from: string, to: string): void {
  const header = contentOf(archive, from) - blockBytes;
  archive.write(to, header, 'latin1');
  archive.fill(' ', header + 148, header + 156);
  let sum = 0;
  for (const byte of archive.subarray(header, header + blockBytes)) sum += byte;
  archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, header + 148, 'latin1');
}

test('pages of files that are no relations, and that were changed since the beginning, are not judged', () => {
  const pages = new PageChecksums(0x1_0000_0000n);
  const page = Buffer.alloc(8192, 1);
  page.writeUInt32LE(1, 0);

  for (const [name, expected] of [
    ['pg_xact/0000', undefined],
    ['base/5/pg_filenode.map', undefined],
    ['base/5/INCREMENTAL.16384', undefined],
    ['base/5/16384', undefined],
  ] as const) {
    pages.begin(name);
    pages.push(page);
    assert.equal(pages.end(), expected);
  }
  page.writeUInt32LE(0, 0);
  pages.begin('base/5/16384_vm.2');
  pages.push(page);

  assert.equal(pages.end(), 262_144);
});

test('the checked-in module is what its source compiles to', async () => {
  assert.equal(await buildWasm(pageChecksumModule), await readFile(generatedPath(pageChecksumModule), 'utf8'));
});
