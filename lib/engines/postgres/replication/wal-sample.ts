import type { Client } from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { type Lsn, parseLsn } from './lsn.ts';

/** Where a server's WAL is, and by when what is there was committed. */
export type WalSample = {
  readonly lsn: Lsn;
  /** Everything that was committed before this time is before `lsn`; undefined when a standby has replayed nothing yet. */
  readonly at: Date | undefined;
  readonly isStandby: boolean;
};

type Row = {
  readonly isStandby: boolean;
  readonly at: Date | null;
  readonly lsn: string;
  readonly blockBytes: string;
  readonly segmentBytes: string;
};

// The time is taken first. A standby's clock says nothing of when the primary committed; the last transaction that it replayed does. Of a
// primary the place of insertion counts, not how far it has flushed: with synchronous_commit off, commits are acknowledged before.
const text = `select
  pg_is_in_recovery() as "isStandby",
  case when pg_is_in_recovery() then pg_last_xact_replay_timestamp() else now() end as "at",
  case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end::text as "lsn",
  current_setting('wal_block_size') as "blockBytes",
  pg_size_bytes(current_setting('wal_segment_size'))::text as "segmentBytes"`;

// XLogShortPHD and XLogLongPHD of src/include/access/xlog_internal.h.
const pageHeader = 24n;
const segmentHeader = 40n;

/** The place of the next record is behind its page's header; a page that holds nothing else has not been begun, and nobody waits for it. */
function beforeHeader(lsn: Lsn, { blockBytes, segmentBytes }: Row): Lsn {
  if (lsn % BigInt(segmentBytes) === segmentHeader) return lsn - segmentHeader;
  return lsn % BigInt(blockBytes) === pageHeader ? lsn - pageHeader : lsn;
}

/** Asks where the server's WAL is now. */
export async function sampleWal(client: Client): Promise<WalSample> {
  const { rows } = await client.query<Row>(text);
  const row = rows[0];
  if (row === undefined) throw new HoldfastError('internal', 'the server does not say where its WAL is');
  return { isStandby: row.isStandby, at: row.at ?? undefined, lsn: beforeHeader(parseLsn(row.lsn), row) };
}
