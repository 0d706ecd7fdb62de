import type { HoldfastConfig } from '../config/config.ts';
import { receivedTargets } from '../config/received-targets.ts';
import { HoldfastError } from '../core/errors.ts';
import { type LogReach, type WalState, walStateSchema } from '../core/health.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import { walHealthKey } from '../core/object-keys.ts';
import type { WalFacts } from '../core/wal-problems.ts';
import { type LogSpan, logSpanOf } from '../engines/postgres/recover/cluster-facts.ts';
import { formatLsn, parseLsn } from '../engines/postgres/replication/lsn.ts';
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
  const received = receivedTargets(places.config.targets);
  return Promise.all(received.map(({ name }) => lookAtLog(places, name)));
}

async function lookAtLog({ config, store, clock }: Places, target: TargetName): Promise<WalFacts> {
  const { value: state } = await readDocument(store, walHealthKey(target), walStateSchema);
  if (state === undefined || state.systemIdentifier === '') return { target, state: state ?? null, gaps: [] };
  const { signal } = new AbortController();
  const context: WalContext = { config, store, clock, signal, openKeys: openKeyProviderOf };
  const manifest = await newestComplete(store, { target, methods: ['base'] }, clock());
  const span = manifest && logSpanOf(manifest);
  const base = manifest && span && { backupId: manifest.backupId, ...span };
  const log = openWal(context, target, state.systemIdentifier);
  const { timelines } = await reportSystem(log);
  const gaps = timelines
    .flatMap((timeline) => timeline.gaps)
    // A base from beyond a hole begins a stretch of its own: there is nothing left to do about it.
    .filter(
      ({ to }) =>
        base === undefined || base.systemIdentifier !== state.systemIdentifier || base.startLsn < parseLsn(to),
    );
  return { target, state, gaps, reach: base === undefined ? null : await reachOf(log, { store, base, state }) };
}

/** Does the log go on from the base to where the receiver was before it was listed? A base that was found to be bad leads nowhere. */
async function reachOf(
  log: WalLog,
  {
    store,
    base,
    state,
  }: { readonly store: Store; readonly base: LogSpan & { readonly backupId: BackupId }; readonly state: WalState },
): Promise<LogReach | null> {
  const { backupId, systemIdentifier, timeline, endLsn } = base;
  if (state.restorablePoint === null || systemIdentifier !== state.systemIdentifier) return null;
  if ((await readVerification(store, backupId)).status === 'FAILED') return null;
  try {
    const reached = await log.reachable({ timeline, lsn: formatLsn(endLsn) }, { timeline: state.timeline });
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
