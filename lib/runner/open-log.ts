import { walStateFreshMs, walStateSchema } from '../core/health.ts';
import { isWholeServer, type Manifest } from '../core/manifest.ts';
import { walHealthKey } from '../core/object-keys.ts';
import type { LogReader } from '../engines/engine.ts';
import { formatLsn } from '../engines/postgres/replication/lsn.ts';
import { readJson } from '../store/text.ts';
import { openWal } from '../wal/open-wal.ts';
import type { RunContext } from './context.ts';

/** The log that goes on from a backup, as the store has it; undefined for a backup that none goes on from, and where the store has nothing of it. */
export async function openLog(context: RunContext, { target, streams }: Manifest): Promise<LogReader | undefined> {
  const whole = streams.find(isWholeServer);
  if (whole === undefined) return undefined;
  const systemIdentifier = String(whole.facts['systemIdentifier']);
  const wal = openWal(context, target, systemIdentifier);
  if ((await wal.timelines()).length === 0) return undefined;
  return {
    timelines: () => wal.timelines(),
    segments: async (timeline) =>
      (await wal.segments(timeline)).map(({ name, start, end }) => ({
        name,
        from: formatLsn(start),
        to: formatLsn(end),
      })),
    history: async (timeline) => (await wal.history(timeline))?.toString('utf8'),
    read: (name) => wal.read(name),
    async covered() {
      const state = walStateSchema.safeParse(await readJson(context.store, walHealthKey(target))).data;
      if (state === undefined || state.systemIdentifier !== systemIdentifier || state.restorablePoint === null)
        return undefined;
      const now = context.clock();
      const isCurrent = state.state === 'receiving' && now.getTime() - Date.parse(state.at) <= walStateFreshMs;
      return {
        timeline: state.timeline,
        at: state.restorablePoint,
        lsn: state.durableLsn,
        ...(isCurrent && { latest: now.toISOString() }),
      };
    },
  };
}
