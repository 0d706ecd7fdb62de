import { randomBytes } from 'node:crypto';
import { type Client, escapeIdentifier } from 'pg';
import { tablesAndRows } from '../../../core/content-words.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { firstFew } from '../../../core/first-few.ts';
import type { StreamRecord } from '../../../core/manifest.ts';
import type { Selection } from '../../../core/selection.ts';
import type { Comparison, EngineContext } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import { readArchive } from '../archive/archive-parts.ts';
import type { TocEntry } from '../archive/read-toc.ts';
import { compareTables } from '../compare-tables.ts';
import { type Connection, connect } from '../connection.ts';
import { factsOf } from '../database-facts.ts';
import { dumpLimits } from '../dump-limits.ts';
import { fromServerError } from '../errors.ts';
import { formatNamed } from '../formats/formats.ts';
import { definitionsOf } from '../load/definitions.ts';
import { listEntries } from '../load/entry-lists.ts';
import { loadRows } from '../load/load-rows.ts';
import { rowSettings } from '../load/session-settings.ts';
import type { ClientTools } from '../tools.ts';
import { nameOfEntry } from './missing-entries.ts';
import { outsideUsers } from './outside-users.ts';
import { planSelection } from './plan-selection.ts';

/**
 * Puts chosen schemas and tables of a backup into a database that exists, and compares them.
 *
 * Invariant: all of it is one transaction on one session, from moving an existing table aside to dropping it. Whoever else is in the
 * database sees the old state until the commit and the new one after it, and a crash at any moment leaves the old. A table that is replaced
 * is moved into a schema of its own and dropped there only when the new one was read back and is the same; whoever uses it waits meanwhile.
 */
export async function restoreSelection(
  context: EngineContext,
  options: {
    readonly connection: Connection;
    readonly tools: ClientTools;
    readonly database: string;
    readonly record: StreamRecord;
    readonly bytes: AsyncIterable<Uint8Array>;
    readonly selection: Selection;
    readonly replace: boolean;
    /** False to take everything back after the comparison. */
    readonly cutOver: boolean;
  },
): Promise<Comparison> {
  const { connection, database, record, selection } = options;
  requireArchive(record);
  const doing = `the restore into database '${database}'`;
  const { lcMonetary } = factsOf(record);
  const { lockTimeoutSeconds } = dumpLimits(context);
  const client = await connect(connection, database, {
    lockTimeoutSeconds,
    settings: {
      ...rowSettings,
      lock_timeout: `${lockTimeoutSeconds}s`,
      ...(lcMonetary === null ? {} : { lc_monetary: lcMonetary }),
    },
  });
  const reader = readArchive(options.bytes);
  const parts = reader.parts;
  const onAbort = () => void client.end();
  context.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const first = await parts.next();
    if (first.done || first.value.part !== 'contents')
      throw new HoldfastError('internal', "an archive's first part is its contents");
    const { definitions: archive, entries } = first.value;
    const plan = await planSelection(client, entries, selection);
    const lists = listEntries(entries, ({ dumpId }) => plan.selected.has(dumpId));
    reader.want(new Set(lists.tables.map(({ dumpId }) => dumpId)));
    const definitions = await definitionsOf(context, { tools: options.tools, archive, doing });

    await client.query('begin');
    const aside = await moveAside(client, plan.existing, options.replace);
    context.progress({ phase: 'restore', detail: database });
    await client.query(await definitions.text(lists.before));
    await loadRows(context, { reader, tables: lists.tables, clients: [client], doing });
    await client.query(await definitions.text(lists.statements));
    await client.query(await definitions.text([...lists.indexes, ...lists.after]));

    context.progress({ phase: 'compare', detail: database });
    const compared = await compareTables(client, lists.tables, record.content);
    if (compared.differences.length > 0)
      throw new HoldfastError(
        'comparison-failed',
        `what was restored into '${database}' differs from the backup: ${firstFew(compared.differences)}`,
        { hint: 'it was taken back; the database is as it was before' },
      );
    if (aside !== undefined) await dropAside(client, aside, plan.existing);
    await client.query(options.cutOver ? 'commit' : 'rollback');
    return {
      ...compared,
      words: tablesAndRows,
      same: true,
      remarks: remarksOf(plan.existing, plan.alongside, options.cutOver),
    };
  } catch (error) {
    await client.query('rollback').catch(() => {});
    if (context.signal.aborted) throw stopReason(context.signal, doing);
    throw fromServerError(error, doing, 'restore-failed');
  } finally {
    context.signal.removeEventListener('abort', onAbort);
    await parts.return();
    await client.end().catch(() => {});
  }
}

/** Only an archive says where one table ends and the next begins. Throws `usage` for a script and for names in another encoding. */
export function requireArchive(record: StreamRecord): void {
  const what = `parts of database '${record.name}' cannot be restored from this backup`;
  const remedy = 'restore the whole database under another name (--as), and copy from there what is needed';
  if (formatNamed(record.format).restoredBy !== 'pg_restore')
    throw new HoldfastError('usage', `${what}: it is an SQL script, which psql runs as a whole`, {
      hint: `${remedy}; format 'custom' can be restored in parts`,
    });
  if (factsOf(record).encoding !== 'UTF8')
    throw new HoldfastError('usage', `${what}: its names are in encoding '${factsOf(record).encoding}'`, {
      hint: remedy,
    });
}

async function moveAside(client: Client, existing: readonly TocEntry[], replace: boolean): Promise<string | undefined> {
  if (existing.length === 0) return undefined;
  const names = firstFew(existing.map(nameOfEntry));
  if (!replace)
    throw new HoldfastError('target-not-empty', `the database has ${names} already`, {
      hint: 'restore into another database (--as), or say --replace: each old table is kept aside until the new one was compared',
    });
  const users = await outsideUsers(client, existing);
  if (users.length > 0)
    throw new HoldfastError('preflight-failed', `${names} cannot be replaced: ${firstFew(users)}`, {
      hint: 'those would go on using the old one; drop them first, or restore the whole database',
    });
  const aside = `holdfast-replaced-${randomBytes(6).toString('hex')}`;
  await client.query(`create schema ${escapeIdentifier(aside)}`);
  // A sequence that belongs to a table goes with it, and cannot be moved before.
  const tablesFirst = existing.toSorted((one, other) => Number(other.kind === 'TABLE') - Number(one.kind === 'TABLE'));
  for (const { schema, tag } of tablesFirst)
    await client.query(
      `alter table if exists ${escapeIdentifier(schema)}.${escapeIdentifier(tag)} set schema ${escapeIdentifier(aside)}`,
    );
  return aside;
}

/** What depends on them from outside was looked for before they were moved; what came to light since keeps them from being dropped. */
async function dropAside(client: Client, aside: string, existing: readonly TocEntry[]): Promise<void> {
  const schema = escapeIdentifier(aside);
  const kinds = [
    ['view', 'VIEW'],
    ['materialized view', 'MATERIALIZED VIEW'],
    ['table', 'TABLE'],
    ['foreign table', 'FOREIGN TABLE'],
    ['sequence', 'SEQUENCE'],
  ] as const;
  for (const [what, kind] of kinds) {
    const names = existing
      .filter((entry) => entry.kind === kind)
      .map(({ tag }) => `${schema}.${escapeIdentifier(tag)}`);
    if (names.length > 0) await client.query(`drop ${what} if exists ${names.join(', ')}`);
  }
  await client.query(`drop schema ${schema}`);
}

function remarksOf(existing: readonly TocEntry[], alongside: readonly TocEntry[], cutOver: boolean): string[] {
  return [
    ...(existing.length > 0 ? [`replaced ${firstFew(existing.map(nameOfEntry))}`] : []),
    ...(alongside.length > 0 ? [`brought along ${firstFew(alongside.map(nameOfEntry))}`] : []),
    ...(cutOver ? [] : ["a rehearsal (recovery.mode is 'test'): all of it was taken back after the comparison"]),
  ];
}
