import type * as z from 'zod';
import type { transferSchema } from '../../../config/targets/redis.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { Connection } from '../connection.ts';
import { openSession } from '../protocol/session.ts';
import type { Server } from '../server.ts';
import { type KeyReading, readKeys } from './read-keys.ts';
import { ReplicationRefused, replicate } from './replicate.ts';

export type Transfer = z.infer<typeof transferSchema>;

/** How a snapshot came about; complete when its bytes have ended. */
export type SnapshotFacts = {
  transfer: 'replication' | 'keys';
  /** Why key by key. */
  reason?: string;
  vanishedKeys?: number;
};

/** The bytes of an RDB file of all keys, as `transfer` says; they begin when they are read. */
export function openSnapshot(options: {
  readonly connection: Connection;
  readonly server: Server;
  readonly transfer: Transfer;
  readonly signal: AbortSignal;
}): { readonly bytes: AsyncIterable<Buffer>; readonly facts: SnapshotFacts } {
  const facts: SnapshotFacts = { transfer: 'replication' };
  return { bytes: bytesOf(options, facts), facts };
}

async function* bytesOf(
  { connection, server, transfer, signal }: Parameters<typeof openSnapshot>[0],
  facts: SnapshotFacts,
): AsyncGenerator<Buffer, void> {
  if (transfer !== 'keys') {
    try {
      return yield* replicate(connection, { version: server.version, signal });
    } catch (error) {
      if (!(error instanceof ReplicationRefused)) throw error;
      if (transfer === 'replication')
        throw new HoldfastError('privilege-missing', error.message, {
          cause: error,
          hint: "allow the backup user '+psync +replconf', or set transfer to 'auto' or 'keys'",
        });
      facts.reason = error.message;
    }
  }
  facts.reason ??= "the target's settings say 'transfer: keys'";
  facts.transfer = 'keys';
  await using session = await openSession(connection, signal);
  const reading: KeyReading = { keys: 0, vanished: 0 };
  yield* readKeys(session, server, reading);
  facts.vanishedKeys = reading.vanished;
}

/** What a person should know of it. */
export function snapshotRemarks({ transfer, reason, vanishedKeys = 0 }: SnapshotFacts): readonly string[] {
  if (transfer === 'replication') return [];
  return [
    `keys were read one by one, each at its own moment: ${reason}`,
    ...(vanishedKeys > 0 ? [`${vanishedKeys} keys were listed, and gone when they were asked for`] : []),
  ];
}
