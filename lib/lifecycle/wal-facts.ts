import { receivedTargets } from '../config/received-targets.ts';
import { type LogReach, type WalState, walStateSchema } from '../core/health.ts';
import { walHealthKey } from '../core/object-keys.ts';
import type { WalFacts, WalGapFacts } from '../core/wal-problems.ts';
import { formatLsn, parseLsn } from '../engines/postgres/replication/lsn.ts';
import { type TimelinePath, timelinePath } from '../engines/postgres/replication/timeline-history.ts';
import { segmentName } from '../engines/postgres/replication/wal-segments.ts';
import { readDocument } from '../store/document.ts';
import type { Store } from '../store/store.ts';
import { readVerification } from '../store/verification.ts';
import type { WalLog } from '../wal/open-wal.ts';
import { reportSystem } from '../wal/wal-report.ts';
import {
  type BaseSpan,
  gapsSince,
  type LogPlaces,
  logToLookAt,
  newestBase,
  readConflict,
  whyUnreadable,
} from './look-at-log.ts';

/** The write-ahead logs that are received, as the store has them; nothing is decrypted for it. */
export async function lookAtWal(places: LogPlaces): Promise<readonly WalFacts[]> {
  const received = receivedTargets(places.config.targets);
  return Promise.all(
    received.map(async ({ name: target, rpoHours }) => {
      const about = { target, rpoHours };
      const conflict = await readConflict(places.store, target);
      const facts = await lookAtLog(places, about).catch((error: unknown) => failed(about, error));
      return { ...facts, ...conflict };
    }),
  );
}

const failed = (about: Pick<WalFacts, 'target' | 'rpoHours'>, error: unknown): WalFacts => ({
  ...about,
  state: null,
  gaps: [],
  unreadable: whyUnreadable(error),
});

async function lookAtLog(
  places: LogPlaces,
  { target, rpoHours }: Pick<WalFacts, 'target' | 'rpoHours'>,
): Promise<WalFacts> {
  const { store } = places;
  const { value: state } = await readDocument(store, walHealthKey(target), walStateSchema);
  if (state === undefined || state.systemIdentifier === '') return { target, rpoHours, state: state ?? null, gaps: [] };
  const base = await newestBase(places, target);
  const log = logToLookAt(places, target, state.systemIdentifier);
  const { timelines } = await reportSystem(log);
  const listed = timelines.flatMap((timeline) => timeline.gaps);
  const all = [...listed, ...(await toldGap(log, state, listed))];
  const gaps = base?.systemIdentifier === state.systemIdentifier ? gapsSince(base.startLsn, all) : all;
  const reach = base === undefined ? null : await reachOf(log, { store, base, state });
  return { target, rpoHours, state, gaps, reach };
}

/** The gap that the receiver met, where the listing shows none: over a promotion no timeline by itself has a hole. */
async function toldGap(log: WalLog, state: WalState, listed: readonly WalGapFacts[]): Promise<readonly WalGapFacts[]> {
  const { gap } = state;
  const segmentBytes = await log.segmentBytes();
  if (gap === null || segmentBytes === undefined) return [];
  const nameOf = (lsn: bigint): string => segmentName(gap.timeline, lsn, segmentBytes);
  const told = {
    timeline: gap.timeline,
    first: nameOf(parseLsn(gap.from)),
    last: nameOf(parseLsn(gap.to) - 1n),
    from: gap.from,
    to: gap.to,
    lastPoint: null,
  };
  if (listed.some((one) => one.timeline === told.timeline && one.first === told.first)) return [];
  // It may have been filled by other ways since, as by archive_command.
  const path = pathOf(state);
  const reached = path && (await log.reachable({ timeline: gap.timeline, lsn: gap.from }, { path }));
  return reached !== undefined && parseLsn(reached.lsn) >= parseLsn(gap.to) ? [] : [told];
}

/** The way to the receiver's timeline as it said it itself: the history in the store is encrypted. */
function pathOf({ timeline, path }: WalState): TimelinePath | undefined {
  if (timeline === 1) return timelinePath(1, []);
  const own = path?.findIndex((stretch) => stretch.timeline === timeline) ?? -1;
  return own < 0
    ? undefined
    : path?.slice(0, own + 1).map(({ timeline: id, begin, end }, index) => ({
        timeline: id,
        begin: parseLsn(begin),
        end: index === own || end === undefined ? undefined : parseLsn(end),
      }));
}

/** Does the log go on from the base to where the receiver was before it was listed? A base that was found to be bad leads nowhere. */
async function reachOf(
  log: WalLog,
  { store, base, state }: { readonly store: Store; readonly base: BaseSpan; readonly state: WalState },
): Promise<LogReach | null> {
  const { backupId, systemIdentifier, timeline, endLsn } = base;
  if (state.restorablePoint === null || systemIdentifier !== state.systemIdentifier) return null;
  if ((await readVerification(store, backupId)).status === 'FAILED') return null;
  const path = pathOf(state);
  const own = path?.find((stretch) => stretch.timeline === timeline);
  // A base of a branch that the receiver's server is not on is not gone on with by its log.
  if (path === undefined || own === undefined || (own.end !== undefined && own.end < endLsn)) return null;
  const reached = await log.reachable({ timeline, lsn: formatLsn(endLsn) }, { path });
  if (reached.timeline !== state.timeline || parseLsn(reached.lsn) < parseLsn(state.durableLsn)) return null;
  return {
    ...{ backupId, systemIdentifier, timeline: reached.timeline, lsn: reached.lsn },
    point: state.restorablePoint,
  };
}
