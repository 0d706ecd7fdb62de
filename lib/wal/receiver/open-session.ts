import type { Client } from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import type { TargetName } from '../../core/ids.ts';
import { connect, parseConnection } from '../../engines/postgres/connection.ts';
import { formatLsn, type Lsn } from '../../engines/postgres/replication/lsn.ts';
import {
  connectForReplication,
  identifySystem,
  readSegmentBytes,
  readTimelineHistory,
  type SystemIdentity,
} from '../../engines/postgres/replication/replication-session.ts';
import {
  createSlot,
  dropSlot,
  readSlot,
  readWalLimits,
  type WalLimits,
} from '../../engines/postgres/replication/slots.ts';
import {
  parseTimelineHistory,
  type TimelinePath,
  timelinePath,
} from '../../engines/postgres/replication/timeline-history.ts';
import { historyName, segmentName, segmentStart } from '../../engines/postgres/replication/wal-segments.ts';
import { isMissing } from '../../store/text.ts';
import { openWal, type WalLog } from '../open-wal.ts';
import type { WalSegment } from '../wal-contents.ts';
import type { WalContext } from '../wal-context.ts';
import { parseWalName } from '../wal-names.ts';
import type { WalWriter } from '../write-wal.ts';
import { planStart, type WalStart } from './plan-start.ts';
import type { KnownPiece } from './segment-assembler.ts';

/** Two sessions on one server: one that streams, and one that asks. */
export type ReceiverSession = AsyncDisposable & {
  readonly replication: Client;
  readonly sql: Client;
  /** Has another one ask, instead of one that was lost. */
  renewSql(): Promise<void>;
  readonly identity: SystemIdentity;
  readonly segmentBytes: number;
  readonly limits: WalLimits;
};

/** Connects to the server of `connection`. The caller disposes of it. Rejects as any session does. */
export async function openSession(connection: unknown, signal: AbortSignal): Promise<ReceiverSession> {
  const parsed = parseConnection(connection);
  const options = { applicationName: 'holdfast-wal', signal };
  const replication = await connectForReplication(parsed, options);
  const openSql = (): Promise<Client> =>
    connect(parsed, parsed.maintenanceDatabase, { ...options, statementTimeoutSeconds: 15 });
  let sql: Client | undefined;
  const close = async (): Promise<void> => {
    await Promise.all([replication, sql].map((client) => client?.end().catch(() => undefined)));
  };
  try {
    const first = await openSql();
    sql = first;
    return {
      replication,
      get sql() {
        return sql ?? first;
      },
      async renewSql() {
        const lost = sql;
        sql = await openSql();
        await lost?.end().catch(() => undefined);
      },
      identity: await identifySystem(replication),
      segmentBytes: await readSegmentBytes(replication),
      limits: await readWalLimits(first),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The slot's position; a slot that is missing is made, and one that the server has given up is made anew: it holds nothing any more. Rejects
 * with `source-busy` while another receiver has it.
 */
export async function readySlot({ replication, sql }: ReceiverSession, name: string): Promise<Lsn> {
  const found = await readSlot(sql, name);
  if (found?.isActive)
    throw new HoldfastError('source-busy', `replication slot '${name}' is in use by another receiver`, {
      hint: 'does a second receiver of this target run? The server lets go of a dead one after wal_sender_timeout',
    });
  if (found?.restartLsn !== undefined && !found.isLost) return found.restartLsn;
  if (found !== undefined) await dropSlot(replication, name);
  await createSlot(replication, name);
  const made = await readSlot(sql, name);
  if (made?.restartLsn === undefined)
    throw new HoldfastError('source-interrupted', `replication slot '${name}' was made, and keeps nothing`);
  return made.restartLsn;
}

/** The server's way to the timeline that it is on. Its history, where it has one, is in the store when this resolves. */
export async function storeHistory(
  { replication, identity, segmentBytes }: ReceiverSession,
  writer: WalWriter,
): Promise<TimelinePath> {
  if (identity.timeline === 1) return timelinePath(1, []);
  const text = await readTimelineHistory(replication, identity.timeline);
  await writer.write({ name: historyName(identity.timeline), segmentBytes, plain: Buffer.from(text) });
  return timelinePath(identity.timeline, parseTimelineHistory(text));
}

/** Where to begin, and what the store has already of the first segment that is received, which has to come again as it is. */
export type PlannedStart = WalStart & {
  /** The beginning of that segment: the one in which `lsn` is, or the one that ends there. */
  readonly begin: Lsn;
  readonly known: readonly KnownPiece[];
};

/** Plans it of what the store has. `lastDurable` is where the last receiver was, which saves listing everything. */
export async function planSession(
  context: WalContext,
  target: TargetName,
  facts: {
    readonly session: ReceiverSession;
    readonly path: TimelinePath;
    readonly slotLsn: Lsn;
    readonly lastDurable: Lsn | undefined;
  },
): Promise<PlannedStart> {
  const { session, path, slotLsn, lastDurable } = facts;
  const { identity, segmentBytes, sql } = session;
  const wal = openWal(context, target, identity.systemIdentifier);
  const from = lastDurable !== undefined && lastDurable < slotLsn ? lastDurable : slotLsn;
  const segmentsFrom = async (lsn: Lsn): Promise<ReadonlyMap<number, readonly WalSegment[]>> =>
    new Map(
      await Promise.all(
        path.map(async ({ timeline }) => [timeline, await wal.segments(timeline, formatLsn(lsn))] as const),
      ),
    );
  let segments = await segmentsFrom(from);
  if ([...segments.values()].every((found) => found.length === 0)) segments = await segmentsFrom(0n);
  const start = planStart(path, segments, { slotLsn, segmentBytes });
  await refuseRegression(sql, identity, start);
  const begin = segmentStart(start.lsn, segmentBytes);
  if (begin === start.lsn) return { ...start, ...(await segmentBefore(wal, start, segmentBytes)) };
  const name = segmentName(start.timeline, begin, segmentBytes);
  const pieces = (segments.get(start.timeline) ?? []).find((segment) => segment.name === name)?.pieces ?? [];
  const known = await Promise.all(
    pieces.map(async (piece): Promise<KnownPiece> => {
      const parsed = parseWalName(piece);
      const { plainSha256 } = await wal.about(piece);
      return { from: 0, to: 0, ...parsed, plainSha256 };
    }),
  );
  return { ...start, begin, known };
}

/** The same start without the proof, for a server that has removed what it would be proved by. */
export const unproved = (start: WalStart, segmentBytes: number): PlannedStart => ({
  ...start,
  begin: segmentStart(start.lsn, segmentBytes),
  known: [],
});

/**
 * Where the store's WAL ends with a segment, nothing of the next one is there to compare: a server that was set back, and has written past that
 * position since, would go on with the log of another history. So the segment before is received once more.
 */
async function segmentBefore(
  wal: WalLog,
  start: WalStart,
  segmentBytes: number,
): Promise<Pick<PlannedStart, 'begin' | 'known'>> {
  const { begin, known } = unproved(start, segmentBytes);
  if (begin < BigInt(segmentBytes)) return { begin, known };
  const before = begin - BigInt(segmentBytes);
  try {
    const { plainSha256 } = await wal.about(segmentName(start.timeline, before, segmentBytes));
    return { begin: before, known: [{ from: 0, to: segmentBytes, plainSha256 }] };
  } catch (error) {
    if (isMissing(error)) return { begin, known };
    throw error;
  }
}

/** A primary whose WAL ends before what the store has of the same timeline was set back, or lost its end: it will write other bytes there. */
async function refuseRegression(sql: Client, identity: SystemIdentity, start: WalStart): Promise<void> {
  if (start.timeline !== identity.timeline || start.lsn <= identity.flushedLsn) return;
  const { rows } = await sql.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
  // A standby that has just begun may not have got so far again.
  const place = `${formatLsn(identity.flushedLsn)} of timeline ${identity.timeline}, and the store's at ${formatLsn(start.lsn)}`;
  if (rows[0]?.standby) throw new HoldfastError('source-busy', `the standby's WAL ends at ${place}`);
  throw new HoldfastError('wal-conflict', `the server's WAL ends at ${place}: it was set back, or has lost its end`);
}
