import type { Client } from 'pg';
import { HoldfastError } from '../../../../core/errors.ts';
import type { Capture, CaptureResult, EngineContext } from '../../../engine.ts';
import { stopReason } from '../../../stop-reason.ts';
import type { Connection } from '../../connection.ts';
import { fromBaseBackup } from '../../errors.ts';
import { formatLsn, type Lsn, parseLsn } from '../../replication/lsn.ts';
import { connectForReplication, identifySystem, readSegmentBytes } from '../../replication/replication-session.ts';
import { readWalLimits } from '../../replication/slots.ts';
import { segmentStart } from '../../replication/wal-segments.ts';
import { WalStream } from '../../replication/wal-stream.ts';
import type { Server } from '../../server.ts';
import { WalArchiveInspector } from '../contents/wal-archive-inspector.ts';
import { type ParentBackup, takeBase } from '../parent-backup.ts';
import { PartQueue } from '../part-queue.ts';
import type { RestorableSamples } from '../restorable-samples.ts';
import { rangeSlotOf, requireRange } from './range-slot.ts';
import { type WalRange, walArchive } from './wal-archive.ts';

type Source = {
  readonly connection: Connection;
  readonly client: Client;
  readonly server: Server;
  readonly samples: RestorableSamples;
  readonly parent: ParentBackup;
  end(): Promise<void>;
};

/**
 * The WAL that a server before version 17 has written since the parent, as whole segments; the last one is closed by a switch, where that is
 * allowed. Together with the parent it restores to the range's end.
 */
export async function captureWalRange(context: EngineContext, source: Source): Promise<Capture> {
  const { connection, client, server, parent } = source;
  const { signal, target } = context;
  const session = await connectForReplication(connection, { applicationName: 'holdfast-base', signal });
  const end = async (): Promise<void> => {
    await Promise.all([session.end().catch(() => {}), source.end()]);
  };
  try {
    const { systemIdentifier, timeline } = await identifySystem(session);
    const segmentBytes = await readSegmentBytes(session);
    const start = startAfter(parent, { timeline, segmentBytes, isStandby: server.inRecovery, target });
    await requireRange(client, target, start);
    const range: WalRange = { timeline, segmentBytes, start, end: await closeWal(client, segmentBytes) };
    if (range.end <= start)
      throw new HoldfastError('source-busy', 'the server has written no whole WAL segment since the last backup', {
        hint: `grant execute on function pg_switch_wal to "${server.user}", so that a segment can be closed`,
      });
    const { senderTimeoutMs } = await readWalLimits(client);
    return {
      parent: parent.id,
      source: { serverVersion: server.version, major: server.major, systemIdentifier, inRecovery: server.inRecovery },
      isIndivisible: true,
      streams: [
        {
          stream: 'cluster',
          kind: 'cluster',
          name: 'cluster',
          format: 'pg-wal',
          expectedBytes: Number(range.end - start),
          open: async () => readRange(context, { ...source, end, session, target, range, senderTimeoutMs }),
        },
      ],
      end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** The first segment that the parent does not have whole. Throws `parent-unfit` when the server's WAL does not go on from there. */
function startAfter(
  { id, facts }: ParentBackup,
  now: {
    readonly timeline: number;
    readonly segmentBytes: number;
    readonly isStandby: boolean;
    readonly target: string;
  },
): Lsn {
  const hint = takeBase(now.target);
  if (now.isStandby || facts['fromStandby'] === true)
    throw new HoldfastError(
      'parent-unfit',
      `before version 17 incremental backups are of a primary, and build on backups of one`,
      {
        hint,
      },
    );
  if (facts['timeline'] !== now.timeline)
    throw new HoldfastError(
      'parent-unfit',
      `backup '${id}' is of timeline ${facts['timeline']}, and the server is on timeline ${now.timeline}`,
      { hint: `there was a promotion: ${hint}` },
    );
  // A backup of a primary ends with a switch of its own.
  const end = parseLsn(String(facts['endLsn']));
  const begun = segmentStart(end, now.segmentBytes);
  return begun === end ? end : begun + BigInt(now.segmentBytes);
}

/** Closes the segment that is being written, where this user may, and returns where the whole ones end. */
async function closeWal(client: Client, segmentBytes: number): Promise<Lsn> {
  const { rows } = await client.query<{ lsn: string; isSwitched: boolean }>(
    `select has_function_privilege('pg_switch_wal()', 'execute') as "isSwitched",
            case when has_function_privilege('pg_switch_wal()', 'execute')
                 then pg_switch_wal() else pg_current_wal_flush_lsn() end::text as "lsn"`,
  );
  const [row] = rows;
  if (row === undefined) throw new HoldfastError('internal', 'the server does not say where its WAL is');
  const at = parseLsn(row.lsn);
  const begun = segmentStart(at, segmentBytes);
  return !row.isSwitched || begun === at ? begun : begun + BigInt(segmentBytes);
}

type Reading = Source & {
  readonly target: string;
  readonly session: Client;
  readonly range: WalRange;
  readonly senderTimeoutMs: number;
};

function readRange(
  context: EngineContext,
  reading: Reading,
): { readonly bytes: AsyncIterable<Uint8Array>; result(): CaptureResult } {
  const { samples, range, parent, server, end } = reading;
  const inspector = new WalArchiveInspector();
  let result: CaptureResult | undefined;
  async function* bytes(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const piece of walArchive(streamRange(reading), range)) {
        inspector.write(piece);
        yield piece;
      }
      const content = inspector.end();
      if (inspector.endLsn !== range.end)
        throw new HoldfastError('dump-incomplete', `the server sent WAL up to ${formatLsn(inspector.endLsn)} only`);
      result = { content, facts: factsOf(parent, { server, range, snapshotAt: samples.timeAt(range.end) }) };
      await end();
    } catch (error) {
      throw context.signal.aborted ? stopReason(context.signal, 'the backup') : fromBaseBackup(error, 'the backup');
    }
  }
  return { bytes: bytes(), result: () => result ?? { content: undefined, facts: {} } };
}

/** The WAL of the range, byte by byte. The server lets go of what is before it, which the parent has. */
async function* streamRange({ session, target, range, senderTimeoutMs }: Reading): AsyncGenerator<Buffer, void> {
  const queue = new PartQueue({ pause: () => stream.pause(), resume: () => stream.resume() });
  queue.begin();
  const stream = new WalStream(session, {
    slot: rangeSlotOf(target),
    from: range.start,
    timeline: range.timeline,
    onWal(bytes, at) {
      const left = range.end - at;
      if (left > 0n) queue.push(left < bytes.length ? bytes.subarray(0, Number(left)) : bytes);
      if (left > BigInt(bytes.length)) return;
      queue.end();
      stream.end();
    },
    onWanted() {},
    senderTimeoutMs,
    clock: () => new Date(),
  });
  stream.reportDurable(range.start);
  const ended = stream.ended().then(
    () => queue.fail(new HoldfastError('source-interrupted', 'the server left the timeline during the backup')),
    (error: unknown) => queue.fail(error),
  );
  yield* queue.read(0);
  await ended;
}

function factsOf(
  { facts }: ParentBackup,
  {
    server,
    range,
    snapshotAt,
  }: { readonly server: Server; readonly range: WalRange; readonly snapshotAt: Date | undefined },
): CaptureResult['facts'] {
  // What the cluster consists of, its base says; what there is by now, only the WAL knows.
  const { systemIdentifier, checksums, tablespaces, sizeBytes, startLsn } = facts;
  return {
    major: server.major,
    serverVersion: server.version,
    systemIdentifier: systemIdentifier ?? null,
    timeline: range.timeline,
    startLsn: formatLsn(range.start),
    endLsn: formatLsn(range.end),
    segmentBytes: range.segmentBytes,
    fromStandby: false,
    checksums: checksums ?? false,
    tablespaces: tablespaces ?? [],
    sizeBytes: sizeBytes ?? 0,
    snapshotAt: snapshotAt?.toISOString() ?? facts['snapshotAt'] ?? null,
    parentStartLsn: startLsn ?? null,
  };
}
