import type { Target } from '../config/config.ts';
import { mayPushLog, mayRecoverAlong } from '../config/pushed-logs.ts';
import type { PushedLogFacts, WalGapFacts } from '../core/wal-problems.ts';
import { parseLsn } from '../engines/postgres/replication/lsn.ts';
import { walSystems } from '../wal/open-wal.ts';
import { reportSystem } from '../wal/wal-report.ts';
import { gapsSince, type LogPlaces, logToLookAt, newestBase, readConflict, whyUnreadable } from './look-at-log.ts';

/**
 * The write-ahead logs that servers push by themselves (`archive_command`), as the store has them; nothing is decrypted for it. Of a target whose
 * server pushes nothing there is nothing.
 */
export async function lookAtPushedLogs(places: LogPlaces): Promise<readonly PushedLogFacts[]> {
  const found = await Promise.all(
    places.config.targets.filter(mayPushLog).map(async (target): Promise<readonly PushedLogFacts[]> => {
      const refused = await readConflict(places.store, target.name);
      const log = await lookAtLog(places, target).catch((error: unknown) => ({
        gaps: [],
        unreadable: whyUnreadable(error),
      }));
      if (log === undefined && refused.conflict === undefined) return [];
      return [{ target: target.name, gaps: [], ...log, ...refused }];
    }),
  );
  return found.flat();
}

/** Holes since the newest base backup, of the system that it is of; undefined when the store has no log of the target's, or none that counts. */
async function lookAtLog(
  places: LogPlaces,
  target: Target,
): Promise<{ readonly gaps: readonly WalGapFacts[] } | undefined> {
  if (!mayRecoverAlong(target)) return undefined;
  const systems = await walSystems(places, target.name);
  if (systems.length === 0) return undefined;
  const base = await newestBase(places, target.name);
  if (base === undefined || !systems.includes(base.systemIdentifier)) return undefined;
  const { timelines } = await reportSystem(logToLookAt(places, target.name, base.systemIdentifier));
  // It may be what was received once, and ends before.
  if (timelines.every(({ to }) => parseLsn(to) <= base.startLsn)) return undefined;
  const gaps = timelines.flatMap((timeline) => timeline.gaps);
  return { gaps: gapsSince(base.startLsn, gaps) };
}
