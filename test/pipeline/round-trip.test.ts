import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Compression, EncryptionAlgorithm } from '../../lib/core/vocabulary.ts';
import { readStream } from '../../lib/pipeline/read-stream.ts';
import { verifyStream } from '../../lib/pipeline/verify-stream.ts';
import {
  collect,
  context,
  dataKey,
  inChunks,
  keysIn,
  smallSettings,
  someBytes,
  withStore,
  write,
} from './pipeline-store.ts';

const compressions: readonly Compression[] = ['zstd', 'gzip', 'none'];
const algorithms: readonly EncryptionAlgorithm[] = ['aes-256-gcm', 'aes-256-cbc', 'none'];
const reading = { rangeBytes: 3000, rangesInFlight: 3, blocksInFlight: 2 };

for (const compression of compressions) {
  for (const algorithm of algorithms) {
    test(`a stream of any length comes back as it was with ${compression} and ${algorithm}`, async () => {
      await withStore(async (store) => {
        // Nothing, a byte, around a block, around an object, several objects.
        for (const length of [0, 1, 4095, 4096, 4097, 16_383, 16_384, 16_385, 70_000]) {
          const bytes = someBytes(length);

          const written = await write(store, inChunks(bytes), { compression, algorithm }, `length-${length}/main`);
          const readBack = {
            store,
            objects: written.objects,
            compression,
            algorithm,
            dataKey,
            context,
            settings: reading,
          };
          const read = await collect(readStream(readBack));
          const verified = await verifyStream({ ...readBack, ...written });

          assert.ok(read.equals(bytes), `${length} bytes`);
          assert.equal(written.plainBytes, length);
          assert.equal(written.plainSha256, createHash('sha256').update(bytes).digest('hex'));
          assert.equal(verified.storedBytes, written.storedBytes);
        }
      });
    });
  }
}

test("a gzip member that leaves one byte of zlib's own buffer is read to its end", async () => {
  await withStore(async (store) => {
    const bytes = Buffer.alloc(1024 ** 2 - 1);
    const settings = { compression: 'gzip', algorithm: 'none' } as const;
    const sizes = { blockBytes: 2 * 1024 ** 2, objectBytes: 4 * 1024 ** 2 };

    const written = await write(store, inChunks(bytes), { ...settings, ...sizes });
    const verified = await verifyStream({ store, ...settings, dataKey, context, settings: reading, ...written });

    assert.equal(verified.plainBytes, 1_048_575);
  });
});

test('a stream longer than one object goes on in the next, and each holds what its record says', async () => {
  await withStore(async (store) => {
    const bytes = someBytes(40_000);

    const { objects, storedBytes } = await write(store, inChunks(bytes), { compression: 'none', algorithm: 'none' });

    assert.deepEqual(await keysIn(store), [
      'backups/orders/one/a1b2/main.00000',
      'backups/orders/one/a1b2/main.00001',
      'backups/orders/one/a1b2/main.00002',
    ]);
    assert.deepEqual(
      objects.map(({ key, plainBytes }) => [key, plainBytes]),
      [
        ['backups/orders/one/a1b2/main.00000', 16_384],
        ['backups/orders/one/a1b2/main.00001', 16_384],
        ['backups/orders/one/a1b2/main.00002', 7_232],
      ],
    );
    assert.equal(storedBytes, 40_000);
    for (const [index, object] of objects.entries()) {
      const stretch = bytes.subarray(index * 16_384, (index + 1) * 16_384);
      assert.equal(object.plainSha256, createHash('sha256').update(stretch).digest('hex'));
      assert.equal(object.storedSha256, object.plainSha256);
    }
  });
});

test('how the source cuts its chunks and the reader its ranges makes no difference', async () => {
  await withStore(async (store) => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 9000, size: 'max' }), { maxLength: 12 }),
        fc.constantFrom(...compressions),
        fc.constantFrom(...algorithms),
        fc.integer({ min: 900, max: 20_000 }),
        fc.integer({ min: 1, max: 4 }),
        async (chunks, compression, algorithm, rangeBytes, inFlight) => {
          const source = async function* () {
            yield* chunks;
          };
          const settings = { ...smallSettings, rangeBytes, rangesInFlight: inFlight, blocksInFlight: inFlight };
          run += 1;

          const written = await write(store, source(), { ...settings, compression, algorithm }, `run-${run}/main`);
          const read = await collect(
            readStream({ store, objects: written.objects, compression, algorithm, dataKey, context, settings }),
          );

          assert.ok(read.equals(Buffer.concat(chunks)));
        },
      ),
      { numRuns: 50 },
    );
  });
});

test('verifying hands the plain bytes to an inspection and reads on when that has seen enough', async () => {
  await withStore(async (store) => {
    const bytes = someBytes(50_000);
    const written = await write(store, inChunks(bytes));

    const verified = await verifyStream({
      store,
      objects: written.objects,
      compression: 'zstd',
      algorithm: 'aes-256-gcm',
      dataKey,
      context,
      plainBytes: written.plainBytes,
      plainSha256: written.plainSha256,
      inspect: async (plain) => {
        for await (const chunk of plain) return chunk.length;
        return 0;
      },
    });

    assert.equal(verified.inspected, 4096);
    assert.equal(verified.plainBytes, 50_000);
    assert.equal(verified.storedBytes, written.storedBytes);
  });
});
