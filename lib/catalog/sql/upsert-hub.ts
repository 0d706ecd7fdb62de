import type { Client } from 'pg';

const hubs = {
  backup_execution_h: { hashKey: 'backup_hk', businessKey: 'backup_bk' },
  recovery_operation_h: { hashKey: 'recovery_hk', businessKey: 'recovery_bk' },
  backup_schedule_h: { hashKey: 'schedule_hk', businessKey: 'schedule_bk' },
} as const satisfies Record<string, { readonly hashKey: string; readonly businessKey: string }>;

/** One key, when it was first heard of, and by what. */
export type HubRow = {
  readonly hash_key: string;
  readonly business_key: string;
  readonly tenant_hk: string | null;
  readonly load_date: string;
  readonly record_source: string;
};

/**
 * Puts a key into its hub. Who spoke of it first stays as its source, whichever was applied first: the smallest of
 * (time, source, tenant) wins, so any order gives the same row.
 */
export async function upsertHub(client: Client, hub: keyof typeof hubs, row: HubRow): Promise<void> {
  const { hashKey, businessKey } = hubs[hub];
  await client.query(
    `insert into backup_mgmt.${hub} as known (${hashKey}, ${businessKey}, tenant_hk, load_date, record_source)
     values ($1::bytea, $2::text, $3::bytea, $4::timestamptz, $5::text)
     on conflict (${hashKey}) do update
       set load_date = excluded.load_date, record_source = excluded.record_source, tenant_hk = excluded.tenant_hk
       where (excluded.load_date, excluded.record_source, coalesce(excluded.tenant_hk, ''))
         < (known.load_date, known.record_source, coalesce(known.tenant_hk, ''))`,
    [row.hash_key, row.business_key, row.tenant_hk, row.load_date, row.record_source],
  );
}
