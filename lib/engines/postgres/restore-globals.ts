import type { Client } from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import { GlobalsInspector } from './dump-globals.ts';
import { fromServerError } from './errors.ts';
import { MembershipGrants } from './membership-grants.ts';
import { leadingIdentifier, splitStatements } from './sql-script.ts';

/** What a globals script would do to a cluster that has some of its roles and tablespaces already. */
export type GlobalsPlan = {
  readonly roles: readonly string[];
  readonly tablespaces: readonly string[];
  readonly roleStatements: readonly string[];
  readonly tablespaceStatements: readonly string[];
  /** Roles and tablespaces that exist and are left as they are. */
  readonly existing: readonly string[];
};

/** Reads a globals stream to its end and checks it whole. */
export async function readGlobals(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const inspector = new GlobalsInspector();
  for await (const chunk of bytes) inspector.write(chunk);
  return inspector.script();
}

/**
 * A role or tablespace that the cluster has already is never altered: its password, rights and settings may be newer than the backup
 * and belong to whoever uses the cluster now. Memberships are granted where the member is new.
 */
export async function planGlobals(client: Client, script: string): Promise<GlobalsPlan> {
  const existingRoles = await names(client, 'select rolname as name from pg_roles');
  const existingTablespaces = await names(client, 'select spcname as name from pg_tablespace');
  const roles: string[] = [];
  const tablespaces: string[] = [];
  const roleStatements: string[] = [];
  const tablespaceStatements: string[] = [];
  for (const statement of splitStatements(script)) {
    if (/^SET /.test(statement)) continue;
    const subject = subjectOf(statement);
    if (subject.isTablespace) {
      if (statement.startsWith('CREATE ')) tablespaces.push(subject.name);
      if (!existingTablespaces.has(subject.name)) tablespaceStatements.push(statement);
    } else {
      if (statement.startsWith('CREATE ROLE ')) roles.push(subject.name);
      if (!existingRoles.has(subject.name)) roleStatements.push(statement);
    }
  }
  const existing = [
    ...roles.filter((name) => existingRoles.has(name)).map((name) => `role '${name}'`),
    ...tablespaces.filter((name) => existingTablespaces.has(name)).map((name) => `tablespace '${name}'`),
  ];
  return { roles, tablespaces, roleStatements, tablespaceStatements, existing };
}

/**
 * Makes what is missing, and says what came out differently.
 *
 * Invariant: what exists is not altered. The roles come in one transaction, so a crash leaves none or all of them; tablespaces cannot
 * be made in one, and a crash leaves some, which the next run leaves as they are. Nothing uses either before the databases do.
 */
export async function applyGlobals(client: Client, plan: GlobalsPlan): Promise<readonly string[]> {
  const remarks: string[] = [];
  const about = 'restoring the roles and tablespaces';
  try {
    await client.query('begin');
    const memberships = new MembershipGrants(client);
    for (const statement of plan.roleStatements) {
      const regranted = await memberships.run(statement);
      if (regranted !== undefined) remarks.push(regranted);
    }
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw fromServerError(error, about, 'restore-failed');
  }
  for (const statement of plan.tablespaceStatements) {
    try {
      await client.query(statement);
    } catch (error) {
      throw fromServerError(error, `${about}: '${statement.slice(0, 200)}'`, 'restore-failed');
    }
  }
  return remarks;
}

async function names(client: Client, query: string): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>(query);
  return new Set(rows.map(({ name }) => name));
}

/** Whose statement it is: of a grant of membership, its member's. Throws for a statement that pg_dumpall 13 to 18 does not write. */
function subjectOf(statement: string): { readonly name: string; readonly isTablespace: boolean } {
  const direct =
    /^(?:CREATE|ALTER|COMMENT ON|SECURITY LABEL FOR (?:"(?:[^"]|"")*"|\S+) ON) (ROLE|TABLESPACE) ([\s\S]*)$/.exec(
      statement,
    );
  const granted = /^(?:GRANT|REVOKE) [\s\S]*? ON TABLESPACE ([\s\S]*)$/.exec(statement);
  const member = /^GRANT (?:"(?:[^"]|"")*"|\S+) TO ([\s\S]*)$/.exec(statement);
  const parameter = /^GRANT [\s\S]*? ON PARAMETER \S+ TO ([\s\S]*)$/.exec(statement);
  const rest = direct?.[2] ?? granted?.[1] ?? parameter?.[1] ?? member?.[1];
  const name = rest === undefined ? undefined : leadingIdentifier(rest);
  if (name === undefined)
    throw new HoldfastError(
      'restore-failed',
      `the globals hold a statement of an unknown kind: '${statement.slice(0, 60)}'`,
    );
  return { name, isTablespace: direct?.[1] === 'TABLESPACE' || granted !== null };
}
