import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HoldfastError } from '../../lib/core/errors.ts';
import type { Compression, EncryptionAlgorithm } from '../../lib/core/vocabulary.ts';
import { type ReadStreamOptions, readStream } from '../../lib/pipeline/read-stream.ts';
import { collect, context, dataKey, inChunks, someBytes, withStore, write } from './pipeline-store.ts';

const kinds: readonly { readonly compression: Compression; readonly algorithm: EncryptionAlgorithm }[] = [
  { compression: 'zstd', algorithm: 'aes-256-gcm' },
  { compression: 'zstd', algorithm: 'aes-256-cbc' },
  { compression: 'zstd', algorithm: 'none' },
  { compression: 'gzip', algorithm: 'aes-256-gcm' },
  { compression: 'gzip', algorithm: 'none' },
  { compression: 'none', algorithm: 'none' },
];
const settings = { rangeBytes: 3000, rangesInFlight: 2, blocksInFlight: 2 };

/** A backup of three objects, damaged by `damage`, and how reading it fails. */
async function failureOf(
  kind: (typeof kinds)[number],
  damage: (paths: readonly string[]) => Promise<void>,
  changes: Partial<ReadStreamOptions> = {},
): Promise<{ readonly code: string; readonly message: string; readonly readable: Buffer; readonly original: Buffer }> {
  return await withStore(async (store, folder) => {
    const original = someBytes(40_000);
    const { objects } = await write(store, inChunks(original), kind);
    await damage(objects.map(({ key }) => join(folder, key)));
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of readStream({ store, objects, ...kind, dataKey, context, settings, ...changes }))
        chunks.push(chunk);
    } catch (error) {
      const { code, message } = error as HoldfastError;
      return { code, message, readable: Buffer.concat(chunks), original };
    }
    return { code: 'none', message: 'nothing was noticed', readable: Buffer.concat(chunks), original };
  });
}

const at = (paths: readonly string[], index: number): string => paths[index] ?? '';

async function flipBit(path: string, position?: number): Promise<void> {
  const bytes = await readFile(path);
  const place = position ?? randomInt(bytes.length);
  bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << randomInt(8)), place);
  await writeFile(path, bytes);
}

for (const kind of kinds) {
  const name = `${kind.compression} and ${kind.algorithm}`;

  test(`one flipped bit anywhere is found with ${name}, and the object named`, async () => {
    for (let run = 0; run < 50; run++) {
      const { code, message } = await failureOf(kind, (paths) => flipBit(at(paths, 1)));

      assert.equal(code, 'corrupt', message);
      assert.match(message, /main\.00001'/);
    }
  });

  test(`a cut anywhere is found with ${name}, and the object named`, async () => {
    for (let run = 0; run < 10; run++) {
      const { code, message } = await failureOf(kind, async (paths) => {
        const bytes = await readFile(at(paths, 2));
        await writeFile(at(paths, 2), bytes.subarray(0, randomInt(bytes.length)));
      });

      assert.equal(code, 'corrupt', message);
      assert.match(message, /main\.00002'/);
    }
  });

  test(`objects swapped under each other's keys are found with ${name}`, async () => {
    const { code } = await failureOf(kind, async (paths) => {
      await rename(at(paths, 0), `${at(paths, 0)}.aside`);
      await rename(at(paths, 1), at(paths, 0));
      await rename(`${at(paths, 0)}.aside`, at(paths, 1));
    });

    assert.equal(code, 'corrupt');
  });

  test(`a missing object is named with ${name}`, async () => {
    const { code, message } = await failureOf(kind, (paths) => rm(at(paths, 1)));

    assert.equal(code, 'object-missing');
    assert.match(message, /main\.00001'/);
  });
}

for (const algorithm of ['aes-256-gcm', 'aes-256-cbc'] as const) {
  const kind = { compression: 'zstd', algorithm } as const;

  test(`a wrong key is told from a damaged object with ${algorithm}`, async () => {
    const wrong = await failureOf(kind, async () => undefined, { dataKey: randomBytes(32) });
    const damaged = await failureOf(kind, (paths) => flipBit(at(paths, 0), 300), { dataKey: randomBytes(32) });

    assert.equal(wrong.code, 'key-wrong');
    assert.match(wrong.message, /main\.00000'/);
    assert.equal(wrong.readable.length, 0);
    assert.equal(damaged.code, 'corrupt');
  });

  test(`an object of another stream is refused with ${algorithm} even when the manifest was altered to fit`, async () => {
    await withStore(async (store) => {
      const { objects } = await write(store, inChunks(someBytes(9000)), kind);

      const reading = collect(
        readStream({ store, objects, ...kind, dataKey, context: { ...context, stream: 'other' }, settings }),
      );

      await assert.rejects(reading, {
        code: 'corrupt',
        message: "object 'backups/orders/one/a1b2/main.00000' is another object under this name",
      });
    });
  });

  test(`what ${algorithm} gives out before it finds damage is a beginning of the truth`, async () => {
    for (let run = 0; run < 20; run++) {
      const { readable, original } = await failureOf({ compression: 'none', algorithm }, (paths) =>
        flipBit(at(paths, randomInt(paths.length))),
      );

      assert.ok(readable.equals(original.subarray(0, readable.length)));
    }
  });
}
