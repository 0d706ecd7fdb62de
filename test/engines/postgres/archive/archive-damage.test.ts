import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { HoldfastError } from '../../../../lib/core/errors.ts';
import { ArchiveInspector } from '../../../../lib/engines/postgres/archive/archive-inspector.ts';
import { type PostgresServer, postgresServer } from '../../../servers/postgres.ts';
import { oddDatabase, smallDatabase } from './odd-database.ts';
import { createDatabase, dump, tool } from './postgres-tools.ts';
import { fieldsOf } from './reference-fields.ts';
import { chunks, entry, header, integer, string, tableBlock, tableEntry } from './write-archive.ts';

function inspect(...parts: readonly Uint8Array[]): string {
  const inspector = new ArchiveInspector();
  for (const part of parts) inspector.write(part);
  return JSON.stringify(inspector.end());
}

/** The result, or the error's code; throws what is not an error of ours. */
function outcome(...parts: readonly Uint8Array[]): { readonly code?: string; readonly result?: string } {
  try {
    return { result: inspect(...parts) };
  } catch (error) {
    if (error instanceof HoldfastError) return { code: error.code };
    throw error;
  }
}

/** Damage to these cannot be seen: any value is as good as another, and none of it is content. */
const unseen = new Set([
  'summer time',
  'entry id',
  'object number',
  'section',
  'tag left out',
  'definition left out',
  'schema left out',
  'owner left out',
  'drop command',
  'copy command',
  'tablespace',
  'access method',
  'relation kind',
  'dependency',
]);
/** Damage to these must be an error, whatever the bit. */
const structure = new Set([
  'mark',
  'version',
  'sizes',
  'length',
  'count',
  'data flag',
  'row number flag',
  'position',
  'block type',
  'block id',
]);

const rows = Buffer.from('1\n2\n\\.\n\n\n');
const oneTable = Buffer.concat([header(), integer(1), tableEntry(7, 'fruit')]);

describe('a damaged archive', () => {
  const servers: PostgresServer[] = [];
  const small: { readonly major: number; readonly archive: Buffer }[] = [];
  let odd: Buffer;
  let compressed: Buffer;

  before(async () => {
    for (const major of [15, 18] as const) {
      const server = await postgresServer({ major });
      servers.push(server);
      await createDatabase(server, 'small', smallDatabase);
      small.push({ major, archive: await dump(server, 'small') });
      if (major === 18) {
        await createDatabase(server, 'odd', oddDatabase);
        odd = await dump(server, 'odd');
        compressed = await tool(server, 'pg_dump', '-Fc', '-Z1', '-d', server.url('small'));
      }
    }
  });
  after(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
  });

  test('is incomplete wherever it is cut off', () => {
    for (const archive of [...small.map((one) => one.archive), compressed])
      for (let length = 0; length < archive.length; length++)
        assert.equal(outcome(archive.subarray(0, length)).code, 'dump-incomplete', `cut off at ${length}`);
  });

  test('of many tables is incomplete wherever it is cut off', () => {
    fc.assert(
      fc.property(fc.nat(odd.length - 1), (length) => {
        assert.equal(outcome(odd.subarray(0, length)).code, 'dump-incomplete');
      }),
      { numRuns: 300 },
    );
  });

  test('is never accepted as it was after one flipped bit, but where any value is as good', () => {
    for (const { archive, major } of small) {
      const intact = inspect(archive);
      for (const { label, start, end } of fieldsOf(archive))
        for (let at = start; at < end; at++)
          for (const bit of structure.has(label) ? [0, 1, 2, 3, 4, 5, 6, 7] : [at % 7]) {
            const damaged = Buffer.from(archive);
            damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
            const { code, result } = outcome(damaged);
            const where = `${label} of ${major}, bit ${bit} of byte ${at}`;
            if (structure.has(label)) assert.ok(code, `${where}: accepted`);
            else if (!unseen.has(label)) assert.ok(code || result !== intact, `${where}: nothing noticed`);
          }
    }
  });

  test('with a flipped bit in a row is well-formed and has another digest', () => {
    const archive = small[1]?.archive ?? Buffer.alloc(0);
    const damaged = Buffer.from(archive);
    const at = damaged.indexOf('apple');
    damaged[at] = (damaged[at] ?? 0) ^ 1;

    assert.ok(at > 0);
    assert.ok(outcome(damaged).result);
    assert.notEqual(outcome(damaged).result, outcome(archive).result);
  });

  test('with bytes put in, taken out or repeated is an error or has another content, never a crash', () => {
    const archive = small[1]?.archive ?? Buffer.alloc(0);
    fc.assert(
      fc.property(fc.nat(archive.length), fc.nat(300), fc.uint8Array({ maxLength: 300 }), (at, taken, put) => {
        outcome(archive.subarray(0, at), put, archive.subarray(at + taken));
        outcome(archive.subarray(0, at), archive.subarray(Math.max(0, at - taken)));
      }),
      { numRuns: 1000 },
    );
  });

  test('with anything after its last block but the same contents once more is refused', () => {
    for (const archive of [...small.map((one) => one.archive), compressed]) {
      assert.equal(outcome(archive, Uint8Array.of(5)).code, 'corrupt');
      // With this byte contents begin.
      assert.equal(outcome(archive, Uint8Array.of(0)).code, 'dump-incomplete');
      assert.equal(outcome(archive, archive).code, 'corrupt');
    }
  });
});

test('an empty stream is incomplete, saying what was expected where', () => {
  assert.throws(() => inspect(), {
    code: 'dump-incomplete',
    message: "the archive ends at byte 0: expected the mark 'PGDMP'",
  });
});

test('a stream that is no archive is corrupt', () => {
  assert.throws(() => inspect(Buffer.from('-- PostgreSQL database dump')), {
    code: 'corrupt',
    message: "the archive is malformed at byte 0: expected the mark 'PGDMP', a byte of value 80, found 45",
  });
});

test('an error is thrown again by every later call', () => {
  const inspector = new ArchiveInspector();

  assert.throws(() => inspector.write(Buffer.from('PGDMX')), { code: 'corrupt' });
  assert.throws(() => inspector.write(oneTable), { code: 'corrupt', message: /at byte 4:/ });
  assert.throws(() => inspector.end(), { code: 'corrupt', message: /at byte 4:/ });
});

test('an archive of a later format is a version mismatch', () => {
  assert.throws(() => inspect(header(17)), {
    code: 'version-mismatch',
    message: "the archive's format at byte 6 is 1.17, newer than 1.16",
  });
});

test('an archive whose table data never comes is incomplete, naming the table', () => {
  const toc = Buffer.concat([header(), integer(2), tableEntry(7, 'fruit'), tableEntry(8, 'nuts')]);

  assert.throws(() => inspect(toc), {
    code: 'dump-incomplete',
    message: `the archive ends at byte ${toc.length}: expected the rows of table 'public'.'fruit' (entry 7) and 1 more`,
  });
  assert.throws(() => inspect(toc, tableBlock(8, rows)), {
    code: 'dump-incomplete',
    message: /: expected the rows of table 'public'\.'fruit' \(entry 7\)$/,
  });
});

test('every format from 1.12 to 1.16 is read with the fields that it has', () => {
  for (const minor of [12, 13, 14, 15, 16]) {
    const toc = Buffer.concat([header(minor), integer(1), tableEntry(7, 'fruit', minor)]);

    const { content, facts } = JSON.parse(inspect(toc, tableBlock(7, rows)));

    assert.equal(facts.archiveVersion, `1.${minor}`);
    assert.deepEqual([content.tables[0].name, content.tables[0].rows], ['fruit', 2]);
    assert.equal(outcome(toc).code, 'dump-incomplete');
  }
  assert.equal(outcome(header(11)).code, 'corrupt');
});

test('blocks may come in any order, each once', () => {
  const toc = Buffer.concat([header(), integer(2), tableEntry(7, 'fruit'), tableEntry(8, 'nuts')]);

  assert.ok(inspect(toc, tableBlock(8, rows), tableBlock(7, rows)));
  assert.throws(() => inspect(toc, tableBlock(8, rows), tableBlock(8, rows)), { code: 'corrupt', message: /again$/ });
});

test('a block of no entry, or of another type than its entry, is corrupt', () => {
  assert.throws(() => inspect(oneTable, tableBlock(9, rows)), { code: 'corrupt', message: /found type 1, entry 9$/ });
  assert.throws(() => inspect(oneTable, Uint8Array.of(3), integer(7)), { code: 'corrupt', message: /found type 3$/ });
});

test('rows without their end mark, or with more after it, are corrupt', () => {
  const withRows = (text: string) => () => inspect(oneTable, tableBlock(7, Buffer.from(text)));

  assert.ok(withRows('\\.\n\n\n')());
  for (const text of [
    '1\n2\n',
    '1\n2',
    '1\n\\.',
    '1\n\\.\n',
    '1\n\\.\n\n',
    '1\n\\.\n\n\n\n',
    '1\n\\.\n2\n',
    '1\n\\.\n\n2',
  ])
    assert.throws(withRows(text), { code: 'corrupt', message: /in the rows of table 'public'\.'fruit' \(entry 7\)/ });
});

test('an odd name stands on one line of a message', () => {
  const toc = [header(), integer(1), tableEntry(7, 'a"b\n\u001b[31m')];

  assert.throws(() => inspect(...toc), {
    code: 'dump-incomplete',
    message: /'public'\.'a"b\\n\\u001b\[31m' \(entry 7\)$/,
  });
});

test('two entries of one id are corrupt', () => {
  assert.throws(() => inspect(header(), integer(2), tableEntry(7, 'fruit'), tableEntry(7, 'nuts')), {
    code: 'corrupt',
    message: /found id 7 again$/,
  });
});

test('lengths that promise too much take no memory', () => {
  const most = 2 ** 31 - 1;
  const long = entry({ dumpId: 1, desc: 'FUNCTION', tag: 'f()', definition: 'create function', hasData: false });
  const definitionAt = long.indexOf('create function') - 5;
  const before = process.memoryUsage();

  assert.equal(outcome(header(), integer(most)).code, 'dump-incomplete');
  assert.equal(outcome(header(), integer(1), long.subarray(0, definitionAt), integer(most)).code, 'dump-incomplete');
  assert.equal(outcome(oneTable, Uint8Array.of(1), integer(7), integer(most), rows).code, 'dump-incomplete');
  assert.equal(outcome(header().subarray(0, -12), integer(most)).code, 'corrupt');

  const after = process.memoryUsage();
  assert.ok(after.arrayBuffers - before.arrayBuffers < 2 ** 24);
  assert.ok(after.rss - before.rss < 2 ** 27);
});

test('large objects without end are incomplete, and numbers that are none are corrupt', () => {
  const toc = Buffer.concat([header(), integer(1), entry({ dumpId: 5, desc: 'BLOBS', tag: 'BLOBS' })]);
  const head = Buffer.concat([Uint8Array.of(3), integer(5)]);
  const object = Buffer.concat([integer(-2), chunks(Buffer.from('content'))]);

  assert.ok(inspect(toc, head, object, integer(0)));
  assert.equal(outcome(toc, head, object).code, 'dump-incomplete');
  assert.equal(outcome(toc, head, Uint8Array.of(2, 1, 0, 0, 0)).code, 'corrupt');
  assert.equal(outcome(toc, head, integer(4), integer(-1)).code, 'corrupt');
});

test('data of what has no data in any archive is corrupt', () => {
  const view = entry({ dumpId: 3, desc: 'VIEW', schema: 'public', tag: 'v' });

  assert.throws(() => inspect(header(), integer(1), view), { code: 'corrupt', message: /found a VIEW$/ });
});

test('a name that is not UTF-8 is read one character a byte', () => {
  const made = tableEntry(7, 'fru_t');
  const latin = Buffer.from(made.toString('latin1').replaceAll('fru_t', 'fru\u00eft'), 'latin1');

  const { content } = JSON.parse(inspect(header(), integer(1), latin, tableBlock(7, rows)));

  assert.equal(content.tables[0].name, 'fru\u00eft');
});

test('a string of null where a text must be is corrupt', () => {
  assert.throws(() => inspect(header().subarray(0, -18), string(null)), { code: 'corrupt' });
});
