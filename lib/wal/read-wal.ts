import { createHash } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';
import type { TargetName } from '../core/ids.ts';
import { walKey } from '../core/object-keys.ts';
import { decompressContent } from '../pipeline/decompress.ts';
import { DecryptionFailure } from '../pipeline/decryption-failure.ts';
import { decryptObject } from '../pipeline/encryption.ts';
import { defaultPipelineSettings } from '../pipeline/settings.ts';
import { stopWith } from '../pipeline/stop-with.ts';
import { MalformedContent } from '../pipeline/zstd-frames.ts';
import type { WalContext } from './wal-context.ts';
import type { WalKeys } from './wal-keys.ts';
import { longestHeaderBytes, parseWalHeader, type WalHeader, walObjectContext } from './wal-object.ts';

/**
 * The plain bytes of one WAL object, proved to be what its header says when the iteration ends normally, and the header to be that of this
 * name. Rejects with `object-missing` before the first byte, `corrupt`, `key-missing` or `key-wrong`.
 */
export async function* readWalObject(
  { store, signal }: Pick<WalContext, 'store' | 'signal'>,
  keys: WalKeys,
  place: { readonly target: TargetName; readonly systemIdentifier: string; readonly name: string },
): AsyncGenerator<Buffer> {
  const key = walKey(place.target, place.systemIdentifier, place.name);
  const { header, headerBytes, rest } = await openObject(await store.get(key, { signal }), key);
  const isOther = (['target', 'systemIdentifier', 'name'] as const).some((field) => header[field] !== place[field]);
  const stop = new AbortController();
  const unlink = stopWith(stop, signal);
  // AES-CBC reads an object twice; the second time is a request of its own.
  const passes = [rest];
  const stored = (): AsyncGenerator<Buffer> => passes.shift() ?? again();
  async function* again(): AsyncGenerator<Buffer> {
    const { body } = await store.get(key, { range: { start: headerBytes }, signal: stop.signal });
    for await (const chunk of body) yield bufferOf(chunk);
  }
  const hash = createHash('sha256');
  let plainBytes = 0;
  try {
    if (isOther) throw new HoldfastError('corrupt', `WAL object '${key}' is another one under this name`);
    const dataKey = header.keyId === null ? null : await keys.open(header.keyId);
    const content = decryptObject(stored, header.algorithm, dataKey, walObjectContext(header));
    const plain = decompressContent(content, header.compression, {
      framesInFlight: defaultPipelineSettings.blocksInFlight,
      stop,
    });
    for await (const chunk of plain) {
      hash.update(chunk);
      plainBytes += chunk.length;
      yield chunk;
    }
    if (hash.digest('hex') !== header.plainSha256 || plainBytes !== header.plainBytes)
      throw new HoldfastError('corrupt', `the content of WAL object '${key}' is not what was written`);
  } catch (error) {
    stop.abort(error);
    throw explained(error, key);
  } finally {
    stop.abort(new Error('the reader left'));
    await rest.return(undefined);
    unlink();
  }
}

const bufferOf = (chunk: Uint8Array): Buffer => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);

/** The header of an object that has begun to come, and what follows it. */
async function openObject(
  { body }: { readonly body: AsyncIterable<Uint8Array> },
  key: string,
): Promise<{ readonly header: WalHeader; readonly headerBytes: number; readonly rest: AsyncGenerator<Buffer> }> {
  const chunks = body[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  try {
    while (head.length < longestHeaderBytes && !head.includes(0x0a)) {
      const { value, done } = await chunks.next();
      if (done) break;
      head = Buffer.concat([head, value]);
    }
    const { header, headerBytes } = parseWalHeader(head, key);
    return { header, headerBytes, rest: following(head.subarray(headerBytes), chunks) };
  } catch (error) {
    await chunks.return?.();
    throw error;
  }
}

async function* following(first: Buffer, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Buffer> {
  try {
    if (first.length > 0) yield first;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield bufferOf(next.value);
  } finally {
    await chunks.return?.();
  }
}

function explained(error: unknown, key: string): unknown {
  if (error instanceof MalformedContent)
    return new HoldfastError('corrupt', `WAL object '${key}' is damaged: ${error.message}`, { cause: error });
  if (!(error instanceof DecryptionFailure)) return error;
  switch (error.reason) {
    case 'bytes':
      return new HoldfastError('corrupt', `WAL object '${key}' is damaged: it does not decrypt`, { cause: error });
    case 'context':
      return new HoldfastError('corrupt', `WAL object '${key}' is another one under this name`, { cause: error });
    case 'key':
      return new HoldfastError(
        'key-wrong',
        `WAL object '${key}' is damaged at its beginning, or was encrypted under another key`,
        { cause: error },
      );
  }
}
