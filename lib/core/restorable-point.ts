import { isCompanion, type Manifest } from './manifest.ts';

/**
 * The point in time that a backup brings back: the moment of its snapshot, and of several the oldest, since only up to that one nothing is
 * missing anywhere. Not the end of the run, which may be hours later. Where an engine tells no snapshot, the beginning of the run.
 */
export function restorablePointOf({ streams, beganAt }: Pick<Manifest, 'streams' | 'beganAt'>): string {
  const snapshots = streams
    .filter((stream) => stream.status === 'complete' && !isCompanion(stream))
    .map(({ facts }) => Date.parse(String(facts['snapshotAt'])))
    .filter((time) => Number.isFinite(time));
  return new Date(snapshots.length === 0 ? Date.parse(beganAt) : Math.min(...snapshots)).toISOString();
}
