import type { BackupId, TargetName } from '../core/ids.ts';
import { readManifest } from '../store/backups.ts';
import { markInUse } from '../store/in-use.ts';
import type { RunContext } from './context.ts';
import { keepLease } from './lease-keeper.ts';

type Reader = {
  readonly target: TargetName;
  readonly id: BackupId;
  /** What reads it, for people: `restore 2026…`. */
  readonly what: string;
  /** Tells its mark from others'. @default - this process's attempt */
  readonly reader?: string;
  /** The run whose mark it is. @default - this process, which takes the mark away at the end */
  readonly holder?: string;
};

/** Runs `work`, which reads the backup, while no cleanup removes it. The mark of a `holder` stays until that run releases it. */
export async function whileInUse<Result>(
  { store, clock, attempt }: Pick<RunContext, 'store' | 'clock' | 'attempt'>,
  { target, id, what, holder, reader = `process-${process.pid}-${attempt}` }: Reader,
  work: () => Promise<Result>,
): Promise<Result> {
  const mark = await markInUse(store, { target, id, reader, holder: holder ?? reader, description: what, clock });
  // Nobody else writes this reader's mark, so that losing it means no more than that it was released.
  const keeper = mark && keepLease(mark, () => {});
  try {
    return await work();
  } finally {
    await keeper?.stop();
    if (holder === undefined) await mark?.release();
  }
}

/**
 * Runs `work`, which reads the backup and may read all that it builds on, while no cleanup removes any of them. Each is marked before its
 * manifest is read, which names the next.
 */
export async function whileChainInUse<Result>(
  context: Pick<RunContext, 'store' | 'clock' | 'attempt'>,
  reader: Reader,
  work: () => Promise<Result>,
): Promise<Result> {
  return whileInUse(context, reader, async () => {
    const { parent } = await readManifest(context.store, reader.target, reader.id);
    return parent === null ? work() : whileChainInUse(context, { ...reader, id: parent }, work);
  });
}
