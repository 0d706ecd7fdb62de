import type { TargetName } from '../core/ids.ts';
import { formatLsn } from '../engines/postgres/replication/lsn.ts';
import { openWal, type WalLog, walSystems } from './open-wal.ts';
import { gapsOf, type WalSegment } from './wal-contents.ts';
import type { WalContext } from './wal-context.ts';

/** A hole in a timeline: its segments are nowhere, and later ones are in the store. Positions as text. */
export type ReportedGap = {
  readonly timeline: number;
  readonly first: string;
  readonly last: string;
  readonly from: string;
  readonly to: string;
  /** Up to this time (of the server's clock) can be recovered from before the hole; null when it is not known. */
  readonly lastPoint: string | null;
  /** A recovery to a time after this one needs a base backup from after the hole; null when it is not known. */
  readonly nextPoint: string | null;
};

/** What the store has of one timeline. */
export type TimelineReport = {
  readonly timeline: number;
  readonly segments: number;
  readonly first: string;
  readonly last: string;
  readonly from: string;
  readonly to: string;
  readonly gaps: readonly ReportedGap[];
  /** The newest point that its last WAL is known to bring back. */
  readonly point: string | null;
};

export type SystemReport = { readonly systemIdentifier: string; readonly timelines: readonly TimelineReport[] };

/** What the store has of the target's WAL, by listing all of it. */
export async function reportWal(context: WalContext, target: TargetName): Promise<readonly SystemReport[]> {
  const systems = await walSystems(context, target);
  return Promise.all(systems.map((system) => reportSystem(openWal(context, target, system))));
}

/** The same of one system. What `wal` has listed for it, it does not list again. */
export async function reportSystem(wal: WalLog): Promise<SystemReport> {
  const timelines: TimelineReport[] = [];
  for (const timeline of await wal.timelines()) {
    const segments = await wal.segments(timeline);
    const [first, last] = [segments[0], segments.at(-1)];
    if (first === undefined || last === undefined) continue;
    timelines.push({
      timeline,
      segments: segments.length,
      first: first.name,
      last: last.name,
      from: formatLsn(first.start),
      to: formatLsn(last.end),
      gaps: await gapsIn(wal, timeline, segments),
      point: await pointOf(wal, last),
    });
  }
  return { systemIdentifier: wal.systemIdentifier, timelines };
}

async function gapsIn(wal: WalLog, timeline: number, segments: readonly WalSegment[]): Promise<ReportedGap[]> {
  const segmentBytes = (await wal.segmentBytes()) ?? 1;
  return Promise.all(
    gapsOf(timeline, segments, segmentBytes).map(async ({ first, last, from, to }) => {
      const before = segments.findLast(({ start }) => start < from);
      const after = segments.find(({ start }) => start >= to);
      return {
        timeline,
        first,
        last,
        from: formatLsn(from),
        to: formatLsn(to),
        lastPoint: await pointOf(wal, before),
        nextPoint: await pointOf(wal, after),
      };
    }),
  );
}

/** The time that a segment's last object says it is good for. */
async function pointOf(wal: WalLog, segment: WalSegment | undefined): Promise<string | null> {
  const object = segment?.pieces.at(-1) ?? segment?.name;
  return object === undefined ? null : ((await wal.about(object)).point ?? null);
}
