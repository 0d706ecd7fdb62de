import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { TargetName } from '../core/ids.ts';
import { openWal } from './open-wal.ts';
import type { WalContext } from './wal-context.ts';

/**
 * Brings back a file of WAL by the server's name, as `restore_command` calls for it. The file at `path` is there whole and proved, or not at
 * all: it is written beside, and renamed. Rejects with `object-missing` when the store has no such file.
 */
export async function fetchWal(
  context: WalContext,
  of: { readonly target: TargetName; readonly systemIdentifier: string },
  file: { readonly name: string; readonly path: string },
): Promise<void> {
  const beside = `${file.path}.holdfast-${process.pid}`;
  try {
    await pipeline(openWal(context, of.target, of.systemIdentifier).read(file.name), createWriteStream(beside));
    await rename(beside, file.path);
  } finally {
    await rm(beside, { force: true });
  }
}
