import type { HoldfastConfig, Target } from '../config/config.ts';
import { mayPushLog, mayRecoverAlong } from '../config/pushed-logs.ts';
import { walConflictSchema } from '../core/health.ts';
import { walConflictKey } from '../core/object-keys.ts';
import type { PushedLogFacts, WalGapFacts } from '../core/wal-problems.ts';
import { logSpanOf } from '../engines/postgres/recover/cluster-facts.ts';
import { parseLsn } from '../engines/postgres/replication/lsn.ts';
import { openKeyProviderOf } from '../keys/open-key-provider.ts';
import { readDocument } from '../store/document.ts';
import { newestComplete } from '../store/newest-backup.ts';
import type { Store } from '../store/store.ts';
import { openWal, walSystems } from '../wal/open-wal.ts';
import type { WalContext } from '../wal/wal-context.ts';
import { reportSystem } from '../wal/wal-report.ts';
import { whyUnreadable } from './wal-facts.ts';

type Places = { readonly config: HoldfastConfig; readonly store: Store; readonly clock: () => Date };

/**
 * The write-ahead logs that servers push by themselves (`archive_command`), as the store has them; nothing is decrypted for it. Of a target whose
 * server pushes nothing there is nothing.
 */
export async function lookAtPushedLogs(places: Places): Promise<readonly PushedLogFacts[]> {
  const found = await Promise.all(
    places.config.targets.filter(mayPushLog).map(async (target): Promise<readonly PushedLogFacts[]> => {
      const { value: conflict } = await readDocument(places.store, walConflictKey(target.name), walConflictSchema);
      const log = await lookAtLog(places, target).catch((error: unknown) => ({
        gaps: [],
        unreadable: whyUnreadable(error),
      }));
      if (log === undefined && conflict === undefined) return [];
      return [{ target: target.name, gaps: [], ...log, ...(conflict && { conflict }) }];
    }),
  );
  return found.flat();
}

/** Holes since the newest base backup, of the system that it is of; undefined when the store has no log of the target's, or none that counts. */
async function lookAtLog(
  { config, store, clock }: Places,
  target: Target,
): Promise<{ readonly gaps: readonly WalGapFacts[] } | undefined> {
  if (!mayRecoverAlong(target)) return undefined;
  const systems = await walSystems({ store }, target.name);
  if (systems.length === 0) return undefined;
  const manifest = await newestComplete(store, { target: target.name, methods: ['base'] }, clock());
  const base = manifest && logSpanOf(manifest);
  if (base === undefined || !systems.includes(base.systemIdentifier)) return undefined;
  const { signal } = new AbortController();
  const context: WalContext = { config, store, clock, signal, openKeys: openKeyProviderOf };
  const { timelines } = await reportSystem(openWal(context, target.name, base.systemIdentifier));
  // It may be what was received once, and ends before.
  if (timelines.every(({ to }) => parseLsn(to) <= base.startLsn)) return undefined;
  const gaps = timelines.flatMap((timeline) => timeline.gaps);
  // What lies before the newest base is made up for.
  return { gaps: gaps.filter(({ to }) => base.startLsn < parseLsn(to)) };
}
