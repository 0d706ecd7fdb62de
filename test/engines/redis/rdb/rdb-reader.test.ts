import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { HoldfastError } from '../../../../lib/core/errors.ts';
import type { Content } from '../../../../lib/core/manifest.ts';
import { rdbFormat } from '../../../../lib/engines/redis/formats/rdb-format.ts';
import { ContentDigest } from '../../../../lib/engines/redis/keys/content-digest.ts';
import { RdbMemory } from '../../../../lib/engines/redis/rdb/rdb-memory.ts';
import { replicate } from '../../../../lib/engines/redis/source/replicate.ts';
import { buildWasm, generatedPath, rdbMemoryModule } from '../../../../scripts/build-wasm.ts';
import { testedServers } from '../../../../scripts/servers/redis.ts';
import { type RedisServer, redisServer } from '../../../servers/redis.ts';
import { fillWithEverything } from '../everything.ts';
import { referenceKeyDigest } from '../reference-digest.ts';
import { run } from '../run-engine.ts';
import { crc64, length, payload, rdbFile, string, type Value, zipList } from './write-rdb.ts';

const files = new Map<string, Buffer>();
let server: RedisServer;

before(async () => {
  for (const which of testedServers) {
    await using filled = await redisServer(which);
    await fillWithEverything(filled, which);
    files.set(which, await snapshotOf(filled));
  }
  server = await redisServer('redis-7.0');
});
after(() => server?.[Symbol.asyncDispose]());

async function snapshotOf(from: RedisServer): Promise<Buffer> {
  await using session = await from.connect();
  const chunks: Buffer[] = [];
  const options = { version: '255.255.255', signal: new AbortController().signal };
  for await (const chunk of replicate(session.connection, options)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function contentOf(chunks: readonly Uint8Array[]): Content {
  const digest = new ContentDigest();
  const reader = rdbFormat.reader(digest);
  for (const chunk of chunks) reader.write(chunk);
  reader.end();
  return digest.content();
}

/** The bytes, cut at the given places (taken modulo the length). */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((one, other) => one - other);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

/** Fails unless it ends in a refusal of ours: never in another error, and never in success. */
function assertRefused(chunks: readonly Uint8Array[], codes: readonly string[]): void {
  try {
    contentOf(chunks);
  } catch (error) {
    assert.ok(error instanceof HoldfastError, `not one of ours: ${String((error as Error).stack)}`);
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
    return;
  }
  assert.fail('it was taken');
}

const file = fc.constantFrom(...testedServers);
const bytesOf = (which: (typeof testedServers)[number]): Buffer => files.get(which) ?? assert.fail();

test('a file gives the same content however it is cut', () => {
  fc.assert(
    fc.property(file, fc.array(fc.nat(1_000_000), { maxLength: 60 }), (which, places) => {
      assert.deepEqual(contentOf(cut(bytesOf(which), places)), contentOf([bytesOf(which)]));
    }),
    { numRuns: 100 },
  );
});

test('a file that comes byte by byte gives the same content', () => {
  const whole = bytesOf('redis-8').subarray(0);
  assert.deepEqual(
    contentOf(
      cut(
        whole,
        Array.from({ length: whole.length }, (_, place) => place),
      ),
    ),
    contentOf([whole]),
  );
});

test('a file in which any byte was changed is refused', () => {
  fc.assert(
    fc.property(file, fc.nat(10_000_000), fc.integer({ min: 1, max: 255 }), (which, place, by) => {
      const damaged = Buffer.from(bytesOf(which));
      // The checksum itself may become that of a file that has none.
      const at = place % (damaged.length - 8);
      damaged[at] = (damaged[at] ?? 0) ^ by;
      assertRefused(cut(damaged, [place]), ['corrupt', 'dump-incomplete']);
    }),
    { numRuns: 500 },
  );
});

test('a file whose checksum was made right again after damage ends in content or in a refusal, and in nothing else', () => {
  const digests = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(
      file,
      fc.array(fc.tuple(fc.nat(10_000_000), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (which, changes) => {
        const damaged = Buffer.from(bytesOf(which));
        for (const [place, value] of changes) damaged[9 + (place % (damaged.length - 18))] = value;
        damaged.writeBigUInt64LE(new RdbMemory().checksumOf(damaged.subarray(0, -8)), damaged.length - 8);
        try {
          contentOf([damaged]);
          digests.taken++;
        } catch (error) {
          assert.ok(error instanceof HoldfastError, `not one of ours: ${String((error as Error).stack)}`);
          assert.ok(['corrupt', 'dump-incomplete'].includes(error.code), error.message);
          digests.refused++;
        }
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(digests.refused > 0);
});

test('what is no RDB file at all ends in a refusal', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('', 'REDIS0011', 'REDIS0009', 'VALKEY080'),
      (noise, head) => {
        assertRefused([Buffer.concat([Buffer.from(head), noise, Buffer.of(0)])], ['corrupt', 'dump-incomplete']);
      },
    ),
    { numRuns: 500 },
  );
});

test('a file that ends anywhere before its end, or has more behind it, is refused', () => {
  for (const which of testedServers) {
    const whole = bytesOf(which);
    for (const size of [0, 8, 9, 100, whole.length - 9, whole.length - 8, whole.length - 1])
      assertRefused([whole.subarray(0, size)], ['dump-incomplete']);
    assertRefused([whole, Buffer.of(0)], ['corrupt']);
    assertRefused([Buffer.concat([whole, Buffer.of(0)])], ['corrupt']);
  }
});

test('versions and types that came later are refused by their number', () => {
  const written = (version: number, type: number) =>
    rdbFile(new Map([['key', { type, bytes: Buffer.of(0) }]]), version);

  assert.throws(() => contentOf([written(13, 0)]), {
    code: 'corrupt',
    message: /its format version is 13, and 12 is the newest/,
  });
  assert.throws(() => contentOf([written(12, 77)]), {
    code: 'corrupt',
    message: /the type or mark 77 is not known in format version 12/,
  });
});

test('the checksum is that of Redis', () => {
  // From the server's own source: the CRC-64 of the digits.
  assert.equal(new RdbMemory().checksumOf(Buffer.from('123456789')), 0xe9c6d914c4b8d9can);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      assert.equal(new RdbMemory().checksumOf(bytes), crc64(bytes));
    }),
    { numRuns: 50 },
  );
});

test('a string that claims to expand to more than it can is refused before memory is taken', () => {
  const bomb = Buffer.concat([
    Buffer.of(0xc3),
    length(10),
    Buffer.from([0x80, 0xff, 0xff, 0xff, 0xff]),
    Buffer.alloc(10, 0xff),
  ]);

  assertRefused([rdbFile(new Map([['key', { type: 0, bytes: bomb }]]))], ['corrupt']);
});

test('a string that claims to be longer than strings are is refused before its bytes are gathered', () => {
  const plain = Buffer.from([0x80, 0x7f, 0xff, 0xff, 0xff]);
  const packed = Buffer.concat([Buffer.of(0xc3), plain, plain]);

  for (const bytes of [plain, packed])
    assert.throws(() => contentOf([rdbFile(new Map([['key', { type: 0, bytes }]]))]), {
      code: 'corrupt',
      message: /a string of 2147483647 bytes is longer than strings are$/,
    });
});

const element = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.maxSafeInteger().map(String),
  fc.integer({ min: -40_000, max: 40_000 }).map(String),
  fc.constant('x'.repeat(300)),
  fc.constant('y'.repeat(20_000)),
);

test('forms that only servers of old wrote give what a server of today makes of them', async () => {
  const values = fc.sample(fc.uniqueArray(element, { minLength: 1, maxLength: 40 }), { numRuns: 12, seed: 4711 });
  const scores = (names: readonly string[]): string[] =>
    names.flatMap((name, index) => [name, String(index * 1.5 - 3)]);
  const pairs = (names: readonly string[]): string[] => names.flatMap((name, index) => [name, `value ${index}`]);
  const keys = new Map<string, Value>();
  for (const [index, elements] of values.entries()) {
    const half = Math.ceil(elements.length / 2);
    const nodes = [elements.slice(0, half), elements.slice(half)].filter(({ length: count }) => count > 0);
    keys.set(`list ${index}`, { type: 10, bytes: string(zipList(elements)) });
    keys.set(`quick list ${index}`, {
      type: 14,
      bytes: Buffer.concat([length(nodes.length), ...nodes.map((node) => string(zipList(node)))]),
    });
    keys.set(`hash ${index}`, { type: 13, bytes: string(zipList(pairs(elements))) });
    keys.set(`plain list ${index}`, {
      type: 1,
      bytes: Buffer.concat([length(elements.length), ...elements.map(string)]),
    });
    keys.set(`plain set ${index}`, {
      type: 2,
      bytes: Buffer.concat([length(elements.length), ...elements.map(string)]),
    });
    keys.set(`sorted ${index}`, { type: 12, bytes: string(zipList(scores(elements))) });
  }
  for (const [name, value] of keys) await server.ask('RESTORE', name, '0', payload(value));

  const today = contentOf([await snapshotOf(server)]);

  assert.deepEqual(contentOf([rdbFile(keys)]).tables, today.tables);
});

test('digests are those of the reference', async () => {
  await using small = await redisServer('redis-8');
  const text = (value: string): Buffer => Buffer.from(value);
  await run(small, [
    ['SET', 'a', '-42'],
    ['SET', 'b', 'value', 'PXAT', 1_999_999_999_999],
    ['RPUSH', 'list', 'x', '7'],
    ['SADD', 'set', 'x', '7'],
    ['ZADD', 'sorted', '1.5', 'x', '-0', 'y'],
    ['HSET', 'hash', 'f', 'v', 'g', 'w'],
  ]);

  const found = new Map(contentOf([await snapshotOf(small)]).tables.map(({ name, digest }) => [name, digest]));

  const key = text;
  assert.deepEqual(Object.fromEntries(found), {
    hash: referenceKeyDigest([
      {
        key: key('hash'),
        elements: [
          [text('f'), 0, text('v')],
          [text('g'), 0, text('w')],
        ],
      },
    ]),
    list: referenceKeyDigest([
      {
        key: key('list'),
        elements: [
          [0, text('x')],
          [1, text('7')],
        ],
      },
    ]),
    set: referenceKeyDigest([{ key: key('set'), elements: [[text('7')], [text('x')]] }]),
    'sorted set': referenceKeyDigest([
      {
        key: key('sorted'),
        elements: [
          [{ real: 1.5 }, text('x')],
          [{ real: 0 }, text('y')],
        ],
      },
    ]),
    string: referenceKeyDigest([{ key: key('a'), elements: [[text('-42')]] }]),
    'string, expiring': referenceKeyDigest([
      { key: key('b'), expireAt: 1_999_999_999_999, elements: [[text('value')]] },
    ]),
  });
});

test('the checked-in module is what the source compiles to', async () => {
  const checkedIn = await readFile(generatedPath(rdbMemoryModule), 'utf8');
  assert.equal(await buildWasm(rdbMemoryModule), checkedIn);
});
