import { releaseBackup } from '../../lifecycle/hold-backup.ts';
import { changedHold, type HoldOptions } from '../changed-hold.ts';
import type { CliContext } from '../context.ts';

export async function run(context: CliContext, options: HoldOptions): Promise<number> {
  const released = await changedHold(context, options, releaseBackup);
  const { backupId, target, wasHeld, legalHold } = released;
  const later = legalHold === 'later' ? '; the next cleanup lifts the legal hold of its objects' : '';
  context.output.result(released, () => [
    wasHeld
      ? `backup ${backupId} of '${target}' is released${later}`
      : `backup ${backupId} of '${target}' was not held`,
  ]);
  return 0;
}
