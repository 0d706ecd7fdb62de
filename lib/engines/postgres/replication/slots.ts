import type { Client } from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { fromServerError } from '../errors.ts';
import { type Lsn, parseLsn } from './lsn.ts';

/** A physical replication slot as the server knows it. */
export type SlotState = {
  readonly isActive: boolean;
  /** From here on the server keeps WAL for it; undefined when it keeps none, or has given it up. */
  readonly restartLsn: Lsn | undefined;
  /** The server has removed what the slot was for: it went beyond max_slot_wal_keep_size. */
  readonly isLost: boolean;
  /** WAL that the server keeps for it. */
  readonly retainedBytes: number;
  /** So much more may be written before the slot is given up; null when nothing limits it. */
  readonly safeBytes: number | null;
};

/** The slot of that name, or undefined. Rejects with `preflight-failed` when it is one for logical replication. */
export async function readSlot(client: Client, name: string): Promise<SlotState | undefined> {
  const row = await one<{
    type: string;
    isActive: boolean;
    restart: string | null;
    status: string | null;
    safe: string | null;
    retained: string | null;
  }>(
    client,
    `select slot_type as "type", active as "isActive", restart_lsn::text as "restart", wal_status as "status",
       safe_wal_size::text as "safe",
       pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end, restart_lsn)::text as "retained"
     from pg_replication_slots where slot_name = $1`,
    [name],
  );
  if (row === undefined) return undefined;
  if (row.type !== 'physical')
    throw new HoldfastError(
      'preflight-failed',
      `replication slot '${name}' is ${row.type}, and WAL needs a physical one`,
      {
        hint: "name another with the target's wal.slot",
      },
    );
  return {
    isActive: row.isActive,
    restartLsn: row.restart === null ? undefined : parseLsn(row.restart),
    isLost: row.status === 'lost',
    retainedBytes: Math.max(0, Number(row.retained ?? 0)),
    safeBytes: row.safe === null ? null : Number(row.safe),
  };
}

/** Makes a physical slot that keeps WAL from now on, by a session of the replication protocol. */
export async function createSlot(client: Client, name: string): Promise<void> {
  try {
    await client.query(`CREATE_REPLICATION_SLOT "${name}" PHYSICAL RESERVE_WAL`);
  } catch (error) {
    throw fromServerError(error, `replication slot '${name}' could not be made`, 'preflight-failed');
  }
}

/** Removes a slot that nobody uses: the server keeps nothing for it any more. */
export async function dropSlot(client: Client, name: string): Promise<void> {
  try {
    await client.query(`DROP_REPLICATION_SLOT "${name}"`);
  } catch (error) {
    throw fromServerError(error, `replication slot '${name}' could not be removed`);
  }
}

/** What of a server's settings decides about receiving its WAL. */
export type WalLimits = {
  /** Without a word from its receiver the server ends the stream after so long; 0 means never. */
  readonly senderTimeoutMs: number;
  /** How much WAL a slot may hold back, in bytes; undefined when there is no limit. */
  readonly slotLimitBytes: number | undefined;
};

/** Reads them. */
export async function readWalLimits(client: Client): Promise<WalLimits> {
  const row = await one<{ timeout: number; keep: number }>(
    client,
    `select (select setting::int from pg_settings where name = 'wal_sender_timeout') as "timeout",
       (select setting::int from pg_settings where name = 'max_slot_wal_keep_size') as "keep"`,
    [],
  );
  const keepMiB = row?.keep ?? -1;
  return { senderTimeoutMs: row?.timeout ?? 60_000, slotLimitBytes: keepMiB < 0 ? undefined : keepMiB * 1024 * 1024 };
}

async function one<Row extends object>(
  client: Client,
  text: string,
  values: readonly unknown[],
): Promise<Row | undefined> {
  try {
    return (await client.query<Row>(text, [...values])).rows[0];
  } catch (error) {
    throw fromServerError(error, "the server's answer about its WAL", 'source-interrupted');
  }
}
