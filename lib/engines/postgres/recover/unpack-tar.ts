import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pLimit from 'p-limit';
import { extract } from 'tar-stream';
import { HoldfastError } from '../../../core/errors.ts';
import type { ServerAccount } from '../../../servers/server-account.ts';

export type Unpacked = { readonly files: number; readonly bytes: number };

export type UnpackOptions = {
  /** Who owns what is made. @default - this process */
  readonly account: ServerAccount | undefined;
  /** Under which name a file is made; undefined leaves it out. */
  readonly nameOf: (name: string) => string | undefined;
  readonly onBytes: (count: number) => void;
  readonly signal: AbortSignal;
};

/** A file that is no larger is written in one piece, while the next ones are read. */
const smallBytes = 1024 * 1024;
const writesAtATime = 16;
/** Of a large file, so much may be on its way to the disk. */
const bytesInFlight = 8 * 1024 * 1024;

/**
 * Makes the files and folders of an archive in `folder` as its bytes come, each with the mode that the archive says. Links are left out: those of
 * a data directory lead to tablespaces, whose places are another's to say. Rejects with `corrupt`, `dump-incomplete`, or what the disk says.
 */
export async function unpackTar(
  bytes: AsyncIterable<Uint8Array>,
  folder: string,
  options: UnpackOptions,
): Promise<Unpacked> {
  const { signal } = options;
  const extractor = extract();
  const feeding = pipeline(counted(bytes, options.onBytes), extractor, { signal }).catch((error: unknown) => {
    throw signal.aborted ? signal.reason : asDamage(error);
  });
  // Whoever awaits it below is told.
  feeding.catch(() => {});
  const limit = pLimit(writesAtATime);
  const writing = new Set<Promise<void>>();
  let failure: unknown;
  const inBackground = async (work: () => Promise<void>): Promise<void> => {
    const one = limit(work).catch((error: unknown) => {
      failure ??= error;
    });
    writing.add(one);
    void one.then(() => writing.delete(one));
    if (writing.size > writesAtATime) await Promise.race(writing);
  };
  const total = { files: 0, bytes: 0 };
  try {
    for await (const entry of extractor) {
      if (failure !== undefined) throw failure;
      const { name, type, size = 0, mode } = entry.header;
      const wanted = options.nameOf(safeName(name));
      if (wanted === undefined || (type !== 'file' && type !== 'directory')) {
        entry.resume();
        continue;
      }
      const target = path.join(folder, wanted);
      if (type === 'directory') {
        await makeFolder(target, mode ?? 0o700, options);
        entry.resume();
        continue;
      }
      total.files += 1;
      total.bytes += size;
      if (size > smallBytes)
        await writeLarge(entry as AsyncIterable<Uint8Array>, { target, mode: mode ?? 0o600 }, options);
      else {
        const pieces: Uint8Array[] = [];
        for await (const piece of entry as AsyncIterable<Uint8Array>) pieces.push(piece);
        await inBackground(() => writeSmall(pieces, { target, mode: mode ?? 0o600 }, options));
      }
    }
    await feeding;
  } catch (error) {
    // The archive's own end tells more than that of its reader.
    await feeding;
    throw error;
  } finally {
    extractor.destroy();
    await Promise.all(writing);
  }
  if (failure !== undefined) throw failure;
  return total;
}

function counted(bytes: AsyncIterable<Uint8Array>, onBytes: (count: number) => void): Readable {
  return Readable.from(
    (async function* () {
      let count = 0;
      for await (const chunk of bytes) {
        count += chunk.length;
        yield chunk;
        onBytes(count);
      }
    })(),
    { objectMode: false, highWaterMark: 2 * smallBytes },
  );
}

/** What is wrong with the archive, in our words; what the disk or the store says stays as it is. */
function asDamage(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof HoldfastError || 'code' in error) return error;
  const code = /unexpected end/i.test(error.message) ? 'dump-incomplete' : 'corrupt';
  return new HoldfastError(code, `the archive of a base backup is damaged: ${error.message}`, { cause: error });
}

/** Names in it are the server's own; one that leads elsewhere was never one. */
function safeName(name: string): string {
  const normal = path.posix.normalize(name).replace(/\/+$/, '');
  if (path.posix.isAbsolute(normal) || normal.split('/').includes('..'))
    throw new HoldfastError('corrupt', `the archive of a base backup has an entry '${name}', which leads out of it`);
  return normal;
}

async function makeFolder(target: string, mode: number, { account }: UnpackOptions): Promise<void> {
  await mkdir(target, { recursive: true, mode });
  const handle = await open(target, 'r');
  try {
    await own(handle, mode, account);
  } finally {
    await handle.close();
  }
}

type Handle = Awaited<ReturnType<typeof open>>;

/** The mask of this process has a say in what `open` makes, and none in this. */
async function own(handle: Handle, mode: number, account: ServerAccount | undefined): Promise<void> {
  await handle.chmod(mode & 0o7777);
  if (account) await handle.chown(account.uid, account.gid);
}

async function writeSmall(
  pieces: readonly Uint8Array[],
  { target, mode }: { readonly target: string; readonly mode: number },
  { account }: UnpackOptions,
): Promise<void> {
  const handle = await open(target, 'wx', 0o600);
  try {
    if (pieces.length > 0) await handle.writev(pieces as Uint8Array[]);
    await own(handle, mode, account);
  } finally {
    await handle.close();
  }
}

async function writeLarge(
  pieces: AsyncIterable<Uint8Array>,
  { target, mode }: { readonly target: string; readonly mode: number },
  { account }: UnpackOptions,
): Promise<void> {
  const handle = await open(target, 'wx', 0o600);
  const pending = new Set<Promise<unknown>>();
  let inFlight = 0;
  let failure: unknown;
  try {
    let position = 0;
    for await (const piece of pieces) {
      const at = position;
      position += piece.length;
      inFlight += piece.length;
      const write = writeWhole(handle, piece, at)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .then(() => {
          inFlight -= piece.length;
          pending.delete(write);
        });
      pending.add(write);
      while (inFlight > bytesInFlight) await Promise.race(pending);
      if (failure !== undefined) throw failure;
    }
    await Promise.all(pending);
    if (failure !== undefined) throw failure;
    await own(handle, mode, account);
  } finally {
    await Promise.all(pending);
    await handle.close();
  }
}

async function writeWhole(handle: Handle, piece: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < piece.length; )
    done += (await handle.write(piece, done, piece.length - done, at + done)).bytesWritten;
}
