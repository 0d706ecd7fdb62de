import { existsSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { ErrorCode } from '../../../core/error-table.ts';
import { HoldfastError } from '../../../core/errors.ts';

const mebibyte = 1024 * 1024;

/** Throws `code` when the disks of the folders, which need not be there yet, have less room than what goes into each. */
export function requireRoom(
  needs: readonly { readonly folder: string; readonly bytes: number }[],
  code: Extract<ErrorCode, 'preflight-failed' | 'test-disk-too-small'>,
): void {
  const disks = new Map<number, { readonly folder: string; readonly bytes: number }>();
  for (const { folder, bytes } of needs) {
    const there = existing(folder);
    const disk = statSync(there).dev;
    disks.set(disk, { folder: there, bytes: bytes + (disks.get(disk)?.bytes ?? 0) });
  }
  for (const { folder, bytes } of disks.values()) {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize >= bytes) continue;
    const [needed, free] = [bytes, bavail * bsize].map((count) => Math.ceil(count / mebibyte));
    throw new HoldfastError(code, `${needed} MiB are to be restored, and '${folder}' has ${free} MiB free`);
  }
}

/** The folder, or the nearest above it that is there. */
function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(path.dirname(folder));
}
