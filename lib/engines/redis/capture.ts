import * as z from 'zod';
import { transferSchema } from '../../config/targets/redis.ts';
import { freeMemory } from '../../pipeline/free-memory.ts';
import type { Capture, CaptureResult, CaptureStream, Engine, EngineContext } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import { aclStream } from './acl.ts';
import { type Connection, parseConnection } from './connection.ts';
import type { FormatWriter, KeyFormat } from './formats/format.ts';
import { keyFormat } from './formats/formats.ts';
import { rdbFormat } from './formats/rdb-format.ts';
import { ContentDigest } from './keys/content-digest.ts';
import { TeeSink } from './keys/tee-sink.ts';
import { type Server, withServer } from './server.ts';
import { openSnapshot, snapshotRemarks, type Transfer } from './source/open-snapshot.ts';
import { firstSlot, readShards, requireSameSlots, type Shard, shardConnection } from './source/shards.ts';

/** What a target's own settings say of captures. */
const optionsSchema = z.object({ transfer: transferSchema.default('auto'), acl: z.boolean().default(false) });

/** How a single server's stream is called. */
export const serverName = 'server';

/** Written keys are handed on in pieces of this size. */
const pieceBytes = 256 * 1024;
const progressStepBytes = 16 * 1024 * 1024;

/** All keys of all databases: one stream, or one for each shard of a cluster; and the ACL users where they are asked for. */
export async function captureServer(
  context: EngineContext,
  request: Parameters<Engine['capture']>[1],
): Promise<Capture> {
  const format = keyFormat(request.format);
  const connection = parseConnection(context.connection);
  const { transfer, acl } = optionsSchema.parse(context.options);
  // A stop is told by the streams, each of which ends by itself.
  return withServer(connection, undefined, async (session, server) => {
    const shards = server.isCluster ? await readShards(session) : [];
    const streamOf = (shard: Shard | undefined): CaptureStream => ({
      stream: shard ? `shard-${firstSlot(shard)}` : serverName,
      kind: shard ? 'shard' : 'server',
      name: shard ? `shard-${firstSlot(shard)}` : serverName,
      format: format.name,
      // Keys take more room in memory than in a file; this is told as what it is, an estimate.
      expectedBytes: Math.round(server.usedMemory * 0.7),
      open: () =>
        openStream(context, {
          connection: shard ? shardConnection(connection, shard) : connection,
          server,
          shard,
          shards,
          transfer,
          format,
        }),
    });
    return {
      source: {
        product: server.product,
        serverVersion: server.version,
        major: server.major,
        runId: server.runId,
        isReplica: server.isReplica,
        isCluster: server.isCluster,
        modules: [...server.modules],
        transfer,
      },
      streams: [
        ...(acl ? [aclStream(context, connection)] : []),
        ...(server.isCluster ? shards.map(streamOf) : [streamOf(undefined)]),
      ],
      async end() {},
    };
  });
}

type Opened = {
  readonly connection: Connection;
  readonly server: Server;
  readonly shard: Shard | undefined;
  /** All of them, as they were when the backup began. */
  readonly shards: readonly Shard[];
  readonly transfer: Transfer;
  readonly format: KeyFormat;
};

async function openStream(
  context: EngineContext,
  opened: Opened,
): Promise<{ readonly bytes: AsyncIterable<Uint8Array>; result(): CaptureResult }> {
  const { connection, server, shard, shards, transfer, format } = opened;
  const digest = new ContentDigest();
  const writer = format.writer?.(server);
  const reader = rdbFormat.reader(writer ? new TeeSink(digest, writer) : digest);
  const snapshot = openSnapshot({ connection, server, transfer, signal: context.signal });
  let result: CaptureResult | undefined;

  async function* bytes(): AsyncGenerator<Uint8Array, void> {
    let seenBytes = 0;
    let reportedBytes = 0;
    for await (const chunk of untilStopped(snapshot.bytes, context.signal)) {
      reader.write(chunk);
      seenBytes += chunk.length;
      if (seenBytes - reportedBytes >= progressStepBytes) {
        reportedBytes = seenBytes;
        context.progress({ phase: 'snapshot', detail: connection.host, bytes: seenBytes });
      }
      if (!writer) {
        yield chunk;
        continue;
      }
      freeMemory(chunk);
      if (writer.length >= pieceBytes) yield writer.take();
    }
    const facts = reader.end();
    if (writer) yield* lastOf(writer);
    const remark = shard && (await requireSameSlots(connection, shards, context.signal));
    const remarks = [...snapshotRemarks(snapshot.facts), ...(remark === undefined ? [] : [remark])];
    result = {
      ...(remarks.length > 0 && { remarks }),
      content: digest.content(),
      facts: {
        ...facts,
        ...snapshot.facts,
        expiries: digest.expiries(),
        serverVersion: server.version,
        product: server.product,
        ...(shard && {
          node: shard.node,
          address: `${shard.host}:${shard.port}`,
          slots: shard.slots.map(([...range]) => range),
        }),
      } as CaptureResult['facts'],
    };
  }

  return {
    bytes: bytes(),
    result() {
      if (!result) throw new Error('the snapshot has not ended');
      return result;
    },
  };
}

async function* untilStopped(bytes: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  try {
    yield* bytes;
  } catch (error) {
    throw signal.aborted ? stopReason(signal, 'the snapshot') : error;
  }
}

function* lastOf(writer: FormatWriter): Generator<Uint8Array> {
  writer.end();
  yield writer.take();
}
