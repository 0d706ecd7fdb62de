import { statfs } from 'node:fs/promises';
import { HoldfastError } from '../core/errors.ts';

const mebibyte = 1024 * 1024;

/** Rejects with `test-disk-too-small` when the folder's disk has less room than a restore test needs. */
export async function requireSpace(folder: string, neededBytes: number): Promise<void> {
  const disk = await statfs(folder);
  const freeBytes = disk.bavail * disk.bsize;
  if (freeBytes >= neededBytes) return;
  const [needed, free] = [neededBytes, freeBytes].map((bytes) => Math.ceil(bytes / mebibyte));
  throw new HoldfastError(
    'test-disk-too-small',
    `the restore test needs ${needed} MiB of disk at '${folder}', and ${free} MiB are free`,
  );
}
