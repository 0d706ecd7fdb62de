import type { HoldfastConfig } from '../config/config.ts';
import { receivedTargets } from '../config/received-targets.ts';
import { type LogReach, type WalState, walStateSchema, watchStateSchema } from '../core/health.ts';
import type { TargetName } from '../core/ids.ts';
import { healthKeys, walHealthKey } from '../core/object-keys.ts';
import type { SeenLog } from '../core/restorable-points.ts';
import { parseLsn } from '../engines/postgres/replication/lsn.ts';
import { readDocument } from '../store/document.ts';
import type { Store } from '../store/store.ts';

/** Three looks of the watch. For so long what it saw is believed to stand, and the receiver's word for what has come since. */
const believedMs = 15 * 60_000;

/**
 * The newest point of each target whose log is received, as far as that log goes on from a base backup without a hole. That it does, the
 * watch has seen in the store's own listing; what the receiver has stored since goes on from there. Two small objects a target are read.
 * A target whose log the watch has not looked at is not among them.
 */
export async function logPoints(
  { config, store }: { readonly config: Pick<HoldfastConfig, 'targets'>; readonly store: Store },
  now: Date,
): Promise<ReadonlyMap<TargetName, SeenLog>> {
  const received = receivedTargets(config.targets);
  if (received.length === 0) return new Map();
  const { value: watched } = await readDocument(store, healthKeys.watch, watchStateSchema);
  const isFresh = watched !== undefined && now.getTime() - Date.parse(watched.at) <= believedMs;
  const found = await Promise.all(
    received.map(async ({ name }): Promise<readonly [TargetName, SeenLog][]> => {
      const reach = watched?.logs?.[name];
      if (watched === undefined || reach === undefined) return [];
      if (reach === null) return [[name, { seenAt: watched.at, point: null }]];
      const { value: state } = await readDocument(store, walHealthKey(name), walStateSchema);
      const point = isFresh && state !== undefined ? pointSince(reach, state) : reach.point;
      return [[name, { seenAt: watched.at, point: { at: point, backupId: reach.backupId } }]];
    }),
  );
  return new Map(found.flat());
}

/** The receiver's newest point when its log goes on from what was seen; what was seen otherwise. */
function pointSince(
  reach: LogReach,
  { systemIdentifier, timeline, durableLsn, restorablePoint, gap }: WalState,
): string {
  const seen = parseLsn(reach.lsn);
  const isOn =
    systemIdentifier === reach.systemIdentifier &&
    timeline === reach.timeline &&
    parseLsn(durableLsn) >= seen &&
    (gap === null || parseLsn(gap.to) <= seen);
  return isOn && restorablePoint !== null && Date.parse(restorablePoint) > Date.parse(reach.point)
    ? restorablePoint
    : reach.point;
}
