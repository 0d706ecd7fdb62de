import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import type { HoldfastConfig } from '../config/config.ts';

/** A file system that this installation writes to. */
export type Volume = {
  readonly volume: string;
  readonly isWritable: boolean;
  readonly usagePercent: number;
  readonly usedBytes: number;
};

/** The volumes there are: the one of a store that is a directory. A bucket has no end, and so no row. */
export async function volumesOf({ store }: Pick<HoldfastConfig, 'store'>): Promise<readonly Volume[]> {
  if (store.kind !== 'file') return [];
  const { blocks, bfree, bavail, bsize } = await statfs(store.path);
  const used = blocks - bfree;
  return [
    {
      volume: 'store',
      isWritable: await access(store.path, constants.W_OK).then(
        () => true,
        () => false,
      ),
      // As `df` has it: what is kept for root counts neither as used nor as free.
      usagePercent: (100 * used) / Math.max(used + bavail, 1),
      usedBytes: used * bsize,
    },
  ];
}
