import { createReadStream } from 'node:fs';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { HoldfastError } from '../../core/errors.ts';
import type { CheckedFile, FileEnds } from '../engine.ts';
import { readTar, TarContent } from './tar/inspect-tar.ts';

/** Reads a tar archive to its end mark, whoever wrote it; one that zstd or gzip has compressed too. */
export async function checkFile({ path, head }: FileEnds, signal: AbortSignal): Promise<CheckedFile | undefined> {
  const unpack = unpackerOf(head);
  if (unpack === undefined && !isTar(head)) return undefined;
  const plain = new PassThrough();
  const source = createReadStream(path);
  const feeding = unpack ? pipeline(source, unpack.open(), plain, { signal }) : pipeline(source, plain, { signal });
  feeding.catch(() => {});
  const content = new TarContent();
  let isFirst = true;
  const checked = async function* () {
    for await (const chunk of plain as AsyncIterable<Buffer>) {
      // Whatever else may be compressed so, it is none of ours.
      if (isFirst && unpack && !isTar(chunk.toString('latin1'))) return;
      isFirst = false;
      yield chunk;
    }
  };
  try {
    await readTar(checked(), content, signal);
    await feeding;
  } catch (error) {
    if (isFirst) return undefined;
    if (error instanceof HoldfastError) throw error;
    throw new HoldfastError('corrupt', `'${path}' cannot be unpacked`, { cause: error });
  } finally {
    plain.destroy();
  }
  return { format: `tar${unpack?.name ?? ''}`, content: content.result().content };
}

/** POSIX's mark and GNU's stand at one place; archives that are older have none. */
const isTar = (head: string): boolean => head.slice(257, 262) === 'ustar';

function unpackerOf(head: string) {
  if (head.startsWith('\x1f\x8b')) return { name: '.gz', open: () => createGunzip() };
  if (head.startsWith('\x28\xb5\x2f\xfd')) return { name: '.zst', open: () => createZstdDecompress() };
  return undefined;
}
