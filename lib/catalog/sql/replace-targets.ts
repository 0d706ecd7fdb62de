import type { Client } from 'pg';
import { journalKey } from '../../core/journal.ts';
import { tenantKey } from '../hash-key.ts';
import type { TargetsDeclared } from './select-newest-targets.ts';

/** Makes what the catalog knows of the configuration that of the declaration, within the caller's transaction. */
export async function replaceTargets(client: Client, declaration: TargetsDeclared | undefined): Promise<void> {
  if (declaration === undefined) return;
  await client.query('delete from holdfast.target');
  await client.query('delete from holdfast.installation');
  await client.query(
    `insert into holdfast.installation (storage_type, storage_location, compression, machines, record_source)
     values ($1::text, $2::text, $3::text, $4::text[], $5::text)`,
    [
      declaration.storageType,
      declaration.storageLocation,
      declaration.compression,
      declaration.machines,
      journalKey(declaration),
    ],
  );
  await client.query(
    `insert into holdfast.target
     select * from jsonb_populate_recordset(null::holdfast.target, $1::jsonb)`,
    [
      JSON.stringify(
        declaration.targets.map(({ name, engine, tenant, methods, incrementalMethods }) => ({
          target: name,
          engine,
          tenant_hk: tenantKey(tenant),
          methods,
          incremental_methods: incrementalMethods,
        })),
      ),
    ],
  );
}
