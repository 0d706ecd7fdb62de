import { Client, escapeIdentifier } from 'pg';

/** RDS's own role for IAM authentication, which migrations grant where it exists. */
const iamRole = 'rds_iam';

/**
 * Makes on an embedded server what RDS has from the start: the master user, who may make roles and databases and is no superuser, and
 * the role for IAM authentication; the database is the master user's. Does nothing that was done before.
 */
export async function createMasterRole(options: {
  readonly host: string;
  readonly port: number;
  readonly masterUser: string;
  readonly database: string;
}): Promise<void> {
  const client = new Client({ host: options.host, port: options.port, user: 'postgres', database: options.database });
  await client.connect();
  try {
    for (const [role, rights] of [
      [iamRole, 'nologin'],
      [options.masterUser, 'login createrole createdb'],
    ] as const) {
      const { rowCount } = await client.query('select from pg_catalog.pg_roles where rolname = $1', [role]);
      if (rowCount === 0) await client.query(`create role ${escapeIdentifier(role)} ${rights}`);
    }
    await client.query(
      `grant ${escapeIdentifier(iamRole)} to ${escapeIdentifier(options.masterUser)} with admin option`,
    );
    await client.query(
      `alter database ${escapeIdentifier(options.database)} owner to ${escapeIdentifier(options.masterUser)}`,
    );
  } finally {
    await client.end();
  }
}
