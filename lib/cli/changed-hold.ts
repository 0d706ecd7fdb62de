import { userInfo } from 'node:os';
import type { HoldOutcome, holdBackup } from '../lifecycle/hold-backup.ts';
import { createRecorder } from '../lifecycle/recorder.ts';
import type { CliContext } from './context.ts';
import { direct, namedBackup } from './direct.ts';

export type HoldOptions = { readonly backup: string; readonly target?: string; readonly reason?: string };

/** Holds or releases the backup that a user named, in the name of the user of this machine. Needs the store alone: the catalog follows. */
export async function changedHold(
  context: CliContext,
  { backup, target, reason = 'no reason was given' }: HoldOptions,
  change: typeof holdBackup,
): Promise<HoldOutcome & { readonly target: string; readonly backupId: string; readonly reason: string }> {
  return direct(context, async ({ store, clock }) => {
    const found = await namedBackup({ store }, backup, target);
    const recorder = createRecorder({ store, catalog: undefined, warn: (message) => context.output.line(message) });
    const by = { kind: 'user', name: userInfo().username } as const;
    const outcome = await change({ store, recorder, clock }, { ...found, reason, by });
    return { ...outcome, target: found.target, backupId: found.id, reason };
  });
}
