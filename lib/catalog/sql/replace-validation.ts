import type { Client } from 'pg';
import type { ValidationRow } from '../project-validation.ts';

/** Makes a validation's row this one, within the caller's transaction. */
export async function replaceValidation(client: Client, row: ValidationRow): Promise<void> {
  await client.query('delete from backup_mgmt.validation_results where validation_bk = $1::text', [row.validation_bk]);
  await client.query(
    `insert into backup_mgmt.validation_results
     select projected.* from jsonb_populate_record(null::backup_mgmt.validation_results, $1::jsonb) as projected`,
    [JSON.stringify(row)],
  );
}
