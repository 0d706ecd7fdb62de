import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { contentSchema } from '../../../../lib/core/manifest.ts';
import {
  type ArchiveInspection,
  ArchiveInspector,
} from '../../../../lib/engines/postgres/archive/archive-inspector.ts';
import { CopyTextDigest } from '../../../../lib/engines/postgres/archive/row-digest.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { oddDatabase } from './odd-database.ts';
import { createDatabase, dump, sql, tool } from './postgres-tools.ts';

const run = promisify(execFile);

function inspect(archive: Uint8Array, chunkBytes = 65_536): ArchiveInspection {
  const inspector = new ArchiveInspector();
  for (let at = 0; at < archive.length; at += chunkBytes) inspector.write(archive.subarray(at, at + chunkBytes));
  return inspector.end();
}

/** Rows of the table `public.<name>`, or undefined. */
function table(
  inspection: ArchiveInspection,
  name: string,
): { rows: number; bytes: number; digest: string } | undefined {
  return inspection.content?.tables.find((one) => one.schema === 'public' && one.name === name);
}

const oddTables = [
  { schema: 'Weird "quoted" schema', name: "line\nbreak '' tab\t", rows: 3, bytes: 12 },
  { schema: 'naïve 漢字', name: 'täble 😀', rows: 1, bytes: 12 },
  { schema: 'public', name: 'all_null', rows: 10, bytes: 90 },
  { schema: 'public', name: 'end_marks', rows: 7, bytes: 41 },
  { schema: 'public', name: 'generated_columns', rows: 9, bytes: 18 },
  { schema: 'public', name: 'no_columns', rows: 3, bytes: 3 },
  { schema: 'public', name: 'no_rows', rows: 0, bytes: 0 },
  { schema: 'public', name: 'parted_high', rows: 50, bytes: 450 },
  { schema: 'public', name: 'parted_low', rows: 100, bytes: 680 },
  { schema: 'public', name: 'simple', rows: 5000, bytes: 548_398 },
  { schema: 'public', name: 'wide', rows: 3, bytes: 1_200_009 },
];

const formats = { 15: '1.14', 17: '1.16', 18: '1.16' } as const;
const majors = [15, 17, 18] as const;

describe('the inspector of archives', () => {
  const servers = new Map<number, PostgresServer>();
  const archives = new Map<number, Buffer>();
  let folder: string;

  function server(major: number): PostgresServer {
    const found = servers.get(major);
    assert.ok(found);
    return found;
  }
  function archive(major: number): Buffer {
    const found = archives.get(major);
    assert.ok(found);
    return found;
  }
  async function load(major: number, archiveOfMajor: number, database: string): Promise<void> {
    const file = path.join(folder, `${archiveOfMajor}.dump`);
    await writeFile(file, archive(archiveOfMajor));
    await sql(server(major), 'postgres', `create database ${database} template template0 encoding 'UTF8' locale 'C'`);
    await tool(server(major), 'pg_restore', '--exit-on-error', '--no-owner', '-d', server(major).url(database), file);
  }

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-archive-'));
    for (const major of majors) {
      servers.set(major, await postgresServer({ major }));
      await createDatabase(server(major), 'odd', oddDatabase);
      archives.set(major, await dump(server(major), 'odd'));
    }
  });
  after(async () => {
    for (const one of servers.values()) await one[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  for (const major of majors) {
    test(`rows of every table and large object in an archive of ${major} are counted`, async () => {
      const { content, contentMissing } = inspect(archive(major));

      assert.equal(contentMissing, null);
      assert.deepEqual(contentSchema.parse(content), content);
      assert.deepEqual(
        content?.tables.map(({ digest, ...counted }) => counted),
        oddTables,
      );
      const { digest, ...objects } = content?.largeObjects ?? { digest: '' };
      assert.deepEqual(objects, { schema: 'pg_catalog', name: 'pg_largeobject', rows: 5, bytes: 480_019 });
      for (const { schema, name, rows } of content?.tables ?? []) {
        const quoted = [schema, name].map((part) => `"${part.replaceAll('"', '""')}"`).join('.');
        assert.equal(await sql(server(major), 'odd', `select count(*) from ${quoted}`), String(rows));
      }
    });

    test(`the kinds of definitions in an archive of ${major} are those that pg_restore lists`, async () => {
      const file = path.join(folder, `list-${major}.dump`);
      await writeFile(file, archive(major));
      const list = (await tool(server(major), 'pg_restore', '--list', file)).toString();
      const { definitions } = inspect(archive(major));

      const kinds = Object.keys(definitions.counts).sort((one, other) => other.length - one.length);
      const listed: Record<string, number> = {};
      for (const line of list.split('\n').filter((one) => /^\d/.test(one))) {
        const kind = kinds.find((one) => line.replace(/^\d+; \d+ \d+ /, '').startsWith(`${one} `)) ?? line;
        listed[kind] = (listed[kind] ?? 0) + 1;
      }
      assert.deepEqual({ ...definitions.counts }, Object.fromEntries(Object.entries(listed).sort()));
      assert.equal(definitions.counts['TABLE'], 12);
      assert.equal(definitions.counts['TABLE DATA'], 11);
    });

    test(`an archive of ${major} says where it comes from`, () => {
      const { facts } = inspect(archive(major));

      assert.equal(facts.archiveVersion, formats[major]);
      assert.equal(facts.compression, 'none');
      assert.equal(facts.database, 'odd');
      assert.equal(facts.encoding, 'UTF8');
      assert.match(facts.serverVersion, new RegExp(`^${major}\\.`));
      assert.match(facts.toolVersion, new RegExp(`^${major}\\.`));
      assert.match(facts.createdAtLocal, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d$/);
    });

    test(`an archive of ${major} gives the same result byte by byte`, () => {
      assert.deepEqual(inspect(archive(major), 1), inspect(archive(major)));
    });

    test(`an archive of ${major} that holds the positions of its blocks gives the same content`, async () => {
      const file = path.join(folder, `seekable-${major}.dump`);
      await dump(server(major), 'odd', '-f', file);

      assert.deepEqual(inspect(await readFile(file)).content, inspect(archive(major)).content);
    });

    test(`an archive that pg_dump ${major} was given a file for as its output is whole, contents that come again included`, async () => {
      const file = path.join(folder, `output-${major}.dump`);
      const { binDir, url } = { ...server(major), url: server(major).url('odd') };
      await run('sh', ['-c', '"$0" -Fc -Z0 -d "$1" > "$2"', path.join(binDir, 'pg_dump'), url, file]);
      const written = await readFile(file);

      // Up to 15 it writes over the first.
      assert.equal(written.length > archive(major).length + 1000, major > 15);
      assert.deepEqual(inspect(written).content, inspect(archive(major)).content);
      assert.deepEqual(inspect(written, 1), inspect(written));
      if (major === 15) return;
      for (const cut of [1, 1000]) assert.throws(() => inspect(written.subarray(0, -cut)), { code: 'dump-incomplete' });
      assert.throws(() => inspect(Buffer.concat([written, Buffer.from([0])])), { code: 'corrupt' });
      const other = Buffer.from(written);
      other.write('CREATE TABLA', other.lastIndexOf('CREATE TABLE'));
      assert.throws(() => inspect(other), { code: 'corrupt', message: /expected the table of contents once more/ });
    });

    test(`an archive that pg_dump ${major} compressed is proved whole but has no content`, async () => {
      const compressed = await tool(server(major), 'pg_dump', '-Fc', '-Z1', '-d', server(major).url('odd'));

      const { content, contentMissing, definitions, facts } = inspect(compressed);

      assert.equal(content, undefined);
      assert.equal(contentMissing, "the archive's data is compressed by pg_dump with gzip");
      assert.equal(facts.compression, 'gzip');
      assert.deepEqual(definitions, inspect(archive(major)).definitions);
    });
  }

  test('an archive with zstd or lz4 is proved whole but has no content', async () => {
    for (const compression of ['zstd', 'lz4'] as const) {
      const archived = await tool(server(18), 'pg_dump', '-Fc', '-Z', compression, '-d', server(18).url('odd'));

      assert.equal(inspect(archived).facts.compression, compression);
      assert.equal(inspect(archived).content, undefined);
    }
  });

  test('an archive with INSERT commands is proved whole but has no content', async () => {
    const inspection = inspect(await dump(server(17), 'odd', '--inserts'));

    assert.equal(inspection.content, undefined);
    assert.equal(inspection.contentMissing, 'rows are written as INSERT commands');
  });

  test('an archive without data has definitions and no tables', async () => {
    const { content } = inspect(await dump(server(18), 'odd', '--schema-only', '--no-large-objects'));

    assert.deepEqual(content?.tables, []);
    assert.equal(content?.largeObjects, undefined);
    assert.equal(content?.definitions?.counts['TABLE'], 12);
  });

  test('content is the same after a reload into another version with rows in another order', async () => {
    await load(18, 15, 'reloaded');
    await sql(
      server(18),
      'reloaded',
      'create index by_text on simple (md5(t)); cluster simple using by_text; update parted set v = v where id < 30',
    );

    const original = inspect(archive(15));
    const reloaded = inspect(await dump(server(18), 'reloaded'));

    const first = (name: string): Promise<string> => sql(server(18), name, 'select id from simple limit 1');
    assert.notEqual(await first('reloaded'), await first('odd'));
    assert.deepEqual(reloaded.content?.tables, original.content?.tables);
    assert.deepEqual(reloaded.content?.largeObjects, original.content?.largeObjects);
  });

  test('definitions are the same after a reload into the same version under another name', async () => {
    await load(17, 17, 'renamed');

    assert.deepEqual(inspect(await dump(server(17), 'renamed')).definitions, inspect(archive(17)).definitions);
  });

  test('a changed definition changes the digest of definitions and nothing else', async () => {
    await load(17, 17, 'redefined');
    await sql(server(17), 'redefined', "comment on table simple is 'it''z'");
    const original = inspect(archive(17));
    const redefined = inspect(await dump(server(17), 'redefined'));

    assert.notEqual(redefined.definitions.digest, original.definitions.digest);
    assert.deepEqual(redefined.definitions.counts, original.definitions.counts);
    assert.deepEqual(redefined.content?.tables, original.content?.tables);
  });

  test('one changed byte of one row changes the digest of its table and of no other', async () => {
    await load(17, 17, 'changed');
    await sql(server(17), 'changed', "update simple set t = overlay(t placing '!' from 17) where id = 4001");
    const original = inspect(archive(17));
    const changed = inspect(await dump(server(17), 'changed'));

    assert.equal(table(changed, 'simple')?.bytes, table(original, 'simple')?.bytes);
    assert.notEqual(table(changed, 'simple')?.digest, table(original, 'simple')?.digest);
    const others = (of: ArchiveInspection): unknown => of.content?.tables.filter(({ name }) => name !== 'simple');
    assert.deepEqual(others(changed), others(original));
  });

  test('a large object under another number has another digest', async () => {
    await load(18, 18, 'renumbered');
    await sql(server(18), 'renumbered', 'select lo_from_bytea(105, lo_get(104)), lo_unlink(104)');
    const original = inspect(archive(18)).content?.largeObjects;
    const renumbered = inspect(await dump(server(18), 'renumbered')).content?.largeObjects;

    assert.equal(renumbered?.bytes, original?.bytes);
    assert.notEqual(renumbered?.digest, original?.digest);
  });

  test('rows copied out by hand have the digest that the archive has', async () => {
    const copied = await tool(
      server(17),
      'psql',
      '-X',
      '-q',
      '-d',
      server(17).url('odd'),
      '-c',
      'copy simple (id, t, n) to stdout',
    );
    const digest = new CopyTextDigest();
    digest.write(copied);

    assert.deepEqual({ schema: 'public', name: 'simple', ...digest.end() }, table(inspect(archive(17)), 'simple'));
  });
});
