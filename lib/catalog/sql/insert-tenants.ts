import type { Client } from 'pg';
import { hashKey } from '../hash-key.ts';

/** Remembers the names behind tenants' hash keys. */
export async function insertTenants(client: Client, tenants: readonly string[]): Promise<void> {
  const names = [...new Set(tenants)].sort();
  if (names.length === 0) return;
  await client.query(
    `insert into holdfast.tenant (tenant_hk, tenant)
     select * from unnest($1::bytea[], $2::text[])
     on conflict do nothing`,
    [names.map((name) => hashKey(name)), names],
  );
}
