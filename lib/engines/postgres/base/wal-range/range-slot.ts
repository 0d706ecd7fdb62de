import type { Client } from 'pg';
import { HoldfastError } from '../../../../core/errors.ts';
import { fromServerError } from '../../errors.ts';
import type { Lsn } from '../../replication/lsn.ts';
import { readSlot } from '../../replication/slots.ts';
import { takeBase } from '../parent-backup.ts';

/** By this version the server itself can tell what has changed; before, an incremental backup is the WAL since its parent. */
export const blocksSince = 17;

/** The slot by which a server keeps the WAL from one backup of the target to the next. */
export const rangeSlotOf = (target: string): string =>
  `holdfast_incremental_${target.replaceAll(/[^a-z0-9]/g, '_')}`.slice(0, 63);

/**
 * Has the server keep its WAL from a base on, or no longer: as the target's schedules want it. To be called before the base is taken. A slot
 * that the server has given up is made anew, since what builds on this base needs nothing of before.
 */
export async function keepRange(client: Client, target: string, isWanted: boolean): Promise<void> {
  const name = rangeSlotOf(target);
  const slot = await readSlot(client, name);
  try {
    if (slot && (slot.isLost || !isWanted)) await client.query('select pg_drop_replication_slot($1)', [name]);
    if (isWanted && (slot === undefined || slot.isLost))
      await client.query('select pg_create_physical_replication_slot($1, true)', [name]);
  } catch (error) {
    throw fromServerError(error, `replication slot '${name}'`, 'preflight-failed');
  }
}

/** Throws `parent-unfit` unless the server has kept its WAL from that position on. */
export async function requireRange(client: Client, target: string, start: Lsn): Promise<void> {
  const name = rangeSlotOf(target);
  const slot = await readSlot(client, name);
  if (slot === undefined)
    throw new HoldfastError('parent-unfit', `the server has no replication slot '${name}', which would keep its WAL`, {
      hint: `a base backup makes it where incremental ones are scheduled for the target; ${takeBase(target)}`,
    });
  if (slot.isLost || slot.restartLsn === undefined || slot.restartLsn > start)
    throw new HoldfastError(
      'parent-unfit',
      'the server no longer has the WAL since the backup that this one builds on',
      { hint: `raise max_slot_wal_keep_size above what it writes from one backup to the next; ${takeBase(target)}` },
    );
}
