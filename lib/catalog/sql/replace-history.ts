import type { Client } from 'pg';

const satellites = {
  backup_execution_s: 'backup_hk',
  recovery_operation_s: 'recovery_hk',
  backup_schedule_s: 'schedule_hk',
} as const satisfies Record<string, string>;

/**
 * Makes the rows of `keys` in a satellite those of `rows`, within the caller's transaction.
 *
 * For events that come in order this closes the current row and inserts the next; nothing else is touched. Only an event that comes
 * late, between two that were applied, makes rows false that were projected without it: those are deleted first, then the ends
 * are set, then what is missing is inserted, so that at no step two rows of a key are current.
 */
export async function replaceHistory(
  client: Client,
  satellite: keyof typeof satellites,
  keys: readonly string[],
  rows: readonly object[],
): Promise<void> {
  const key = satellites[satellite];
  const projected = `jsonb_populate_recordset(null::backup_mgmt.${satellite}, $1::jsonb) as projected`;
  const sameRow = `projected.${key} = kept.${key} and projected.load_date = kept.load_date`;
  const json = JSON.stringify(rows);

  await client.query(
    `delete from backup_mgmt.${satellite} as kept
     where kept.${key} = any ($2::bytea[])
       and not exists (
         select from ${projected}
         where ${sameRow}
           and to_jsonb(projected) - 'load_end_date' = to_jsonb(kept) - 'load_end_date'
       )`,
    [json, keys],
  );
  await client.query(
    `update backup_mgmt.${satellite} as kept
     set load_end_date = projected.load_end_date
     from ${projected}
     where ${sameRow} and projected.load_end_date is distinct from kept.load_end_date`,
    [json],
  );
  await client.query(
    `insert into backup_mgmt.${satellite}
     select projected.* from ${projected}
     where not exists (select from backup_mgmt.${satellite} as kept where ${sameRow})`,
    [json],
  );
}
