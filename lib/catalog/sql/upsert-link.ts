import type { Client } from 'pg';

const links = {
  backup_schedule_execution_l: { hashKey: 'schedule_execution_hk', from: 'schedule_hk', to: 'backup_hk' },
  backup_execution_parent_l: { hashKey: 'execution_parent_hk', from: 'backup_hk', to: 'parent_backup_hk' },
  recovery_operation_execution_l: { hashKey: 'recovery_execution_hk', from: 'recovery_hk', to: 'backup_hk' },
} as const satisfies Record<string, { readonly hashKey: string; readonly from: string; readonly to: string }>;

/** A pair of hub keys, when it was first heard of, and by what. */
export type LinkRow = {
  readonly hash_key: string;
  readonly from: string;
  readonly to: string;
  readonly load_date: string;
  readonly record_source: string;
};

/** Ties two keys together. As with hubs the smallest (time, source) wins. */
export async function upsertLink(client: Client, link: keyof typeof links, row: LinkRow): Promise<void> {
  const { hashKey, from, to } = links[link];
  await client.query(
    `insert into backup_mgmt.${link} as known (${hashKey}, ${from}, ${to}, load_date, record_source)
     values ($1::bytea, $2::bytea, $3::bytea, $4::timestamptz, $5::text)
     on conflict (${hashKey}) do update
       set load_date = excluded.load_date, record_source = excluded.record_source
       where (excluded.load_date, excluded.record_source) < (known.load_date, known.record_source)`,
    [row.hash_key, row.from, row.to, row.load_date, row.record_source],
  );
}
