import { holdBackup } from '../../lifecycle/hold-backup.ts';
import { changedHold, type HoldOptions } from '../changed-hold.ts';
import type { CliContext } from '../context.ts';

/** What the store's own legal hold has come to. */
const legalHolds = {
  set: ', and its objects have a legal hold in the store',
  none: '',
  later: '; this user may not set the legal hold of its objects: the next cleanup does',
} as const;

export async function run(context: CliContext, options: HoldOptions): Promise<number> {
  const held = await changedHold(context, options, holdBackup);
  context.output.result(held, () => [
    `backup ${held.backupId} of '${held.target}' is held: ${held.reason}${legalHolds[held.legalHold]}`,
    ...(held.isBeingRemoved
      ? [
          `a cleanup had begun to remove it: it stays if 'holdfast show ${held.backupId}' still finds it when that has ended`,
        ]
      : []),
  ]);
  return 0;
}
