import type { HoldfastConfig } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import { type LogReach, type WalState, walStateSchema } from '../core/health.ts';
import type { BackupId } from '../core/ids.ts';
import { isWholeServer, type Manifest } from '../core/manifest.ts';
import { walHealthKey } from '../core/object-keys.ts';
import type { WalFacts } from '../core/wal-problems.ts';
import { parseLsn } from '../engines/postgres/replication/lsn.ts';
import { openKeyProviderOf } from '../keys/open-key-provider.ts';
import { readDocument } from '../store/document.ts';
import { newestComplete } from '../store/newest-backup.ts';
import type { Store } from '../store/store.ts';
import { readVerification } from '../store/verification.ts';
import { openWal, type WalLog } from '../wal/open-wal.ts';
import type { WalContext } from '../wal/wal-context.ts';
import { reportSystem } from '../wal/wal-report.ts';

type Places = { readonly config: HoldfastConfig; readonly store: Store; readonly clock: () => Date };

/** The write-ahead logs that are received, as the store has them; nothing is decrypted for it. */
export async function lookAtWal(places: Places): Promise<readonly WalFacts[]> {
  const received = places.config.targets.filter(({ wal }) => wal?.receive === true);
  return Promise.all(received.map(({ name, rpoHours }) => lookAtLog(places, { target: name, rpoHours })));
}

async function lookAtLog(
  { config, store, clock }: Places,
  { target, rpoHours }: Pick<WalFacts, 'target' | 'rpoHours'>,
): Promise<WalFacts> {
  const { value: state } = await readDocument(store, walHealthKey(target), walStateSchema);
  if (state === undefined || state.systemIdentifier === '') return { target, rpoHours, state: state ?? null, gaps: [] };
  const { signal } = new AbortController();
  const context: WalContext = { config, store, clock, signal, openKeys: openKeyProviderOf };
  const manifest = await newestComplete(store, { target, methods: ['base'] }, clock());
  const base = manifest && baseOf(manifest);
  const log = openWal(context, target, state.systemIdentifier);
  const { timelines } = await reportSystem(log);
  const gaps = timelines
    .flatMap((timeline) => timeline.gaps)
    // A base from beyond a hole begins a stretch of its own: there is nothing left to do about it.
    .filter(
      ({ to }) =>
        base === undefined ||
        base.systemIdentifier !== state.systemIdentifier ||
        parseLsn(base.startLsn) < parseLsn(to),
    );
  const reach = base === undefined ? null : await reachOf(log, { store, base, state });
  return { target, rpoHours, state, gaps, reach };
}

type Base = {
  readonly backupId: BackupId;
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly startLsn: string;
  readonly endLsn: string;
};

/** Where a physical backup begins and ends in its server's log. */
function baseOf({ backupId, streams }: Manifest): Base | undefined {
  const { systemIdentifier, timeline, startLsn, endLsn } = streams.find(isWholeServer)?.facts ?? {};
  if (typeof systemIdentifier !== 'string' || typeof timeline !== 'number') return undefined;
  if (typeof startLsn !== 'string' || typeof endLsn !== 'string') return undefined;
  return { backupId, systemIdentifier, timeline, startLsn, endLsn };
}

/** Does the log go on from the base to where the receiver was before it was listed? A base that was found to be bad leads nowhere. */
async function reachOf(
  log: WalLog,
  { store, base, state }: { readonly store: Store; readonly base: Base; readonly state: WalState },
): Promise<LogReach | null> {
  const { backupId, systemIdentifier, timeline, endLsn } = base;
  if (state.restorablePoint === null || systemIdentifier !== state.systemIdentifier) return null;
  if ((await readVerification(store, backupId)).status === 'FAILED') return null;
  try {
    const reached = await log.reachable({ timeline, lsn: endLsn }, { timeline: state.timeline });
    if (reached.timeline !== state.timeline || parseLsn(reached.lsn) < parseLsn(state.durableLsn)) return null;
    return {
      ...{ backupId, systemIdentifier, timeline: reached.timeline, lsn: reached.lsn },
      point: state.restorablePoint,
    };
  } catch (error) {
    // A history that is missing: then the way there is not known.
    if (error instanceof HoldfastError && error.code === 'object-missing') return null;
    throw error;
  }
}
