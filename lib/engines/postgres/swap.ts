import { type Client, escapeIdentifier, escapeLiteral } from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import type { DatabaseFacts } from './database-facts.ts';
import { fromServerError } from './errors.ts';
import { destinationTaken } from './preflight.ts';
import { markStatement, newWorkName } from './work-databases.ts';

/** A restored and compared copy, about to get its destination's name. */
export type Copy = { readonly name: string; readonly destination: string; readonly facts: DatabaseFacts };

/**
 * Invariant: every destination's name leads, at every moment, to one whole database: the old one or the new one. All renames are one
 * transaction. A crash before its commit leaves the old databases untouched and the copies marked as leftovers; a crash after it leaves
 * the new ones in place and the old ones marked as replaced. Returns the names that the replaced ones have now.
 *
 * A rename waits until nobody is in the database, and keeps newcomers out while it waits; the sessions that are in are ended by
 * `terminator`, a second session, and only when the database is to be replaced.
 */
export async function swapIntoPlace(
  client: Client,
  terminator: Client,
  copies: readonly Copy[],
  options: { readonly replace: boolean },
): Promise<string[]> {
  const replaced: string[] = [];
  try {
    await client.query('begin');
    for (const copy of copies) {
      const { rowCount } = await client.query('select from pg_database where datname = $1', [copy.destination]);
      if (rowCount) {
        // It was not there when the restore began.
        if (!options.replace) throw destinationTaken([copy.destination]);
        const aside = newWorkName('replaced', copy.destination);
        await renameWhileEnding(client, terminator, copy.destination, aside);
        await client.query(markStatement(aside, { state: 'replaced', destination: copy.destination }));
        // A template cannot be dropped.
        await client.query(`alter database ${escapeIdentifier(aside)} is_template false`);
        replaced.push(aside);
      }
      const name = escapeIdentifier(copy.destination);
      await client.query(`alter database ${escapeIdentifier(copy.name)} rename to ${name}`);
      const comment = copy.facts.comment === null ? 'null' : escapeLiteral(copy.facts.comment);
      await client.query(`comment on database ${name} is ${comment}`);
      await client.query(
        `alter database ${name} connection limit ${copy.facts.connectionLimit} is_template ${copy.facts.isTemplate}`,
      );
    }
    await client.query('commit');
    return replaced;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    const names = copies.map(({ destination }) => `'${destination}'`).join(', ');
    throw fromServerError(error, `putting database ${names} in place`, 'restore-failed');
  }
}

async function renameWhileEnding(client: Client, terminator: Client, from: string, to: string): Promise<void> {
  let hasEnded = false;
  const rename = client
    .query(`alter database ${escapeIdentifier(from)} rename to ${escapeIdentifier(to)}`)
    .finally(() => {
      hasEnded = true;
    });
  const endSessions = async () => {
    while (!hasEnded) {
      // The short sleep is the server's, so that the loop is no busier than the rename's own waiting.
      await terminator.query(
        `select pg_terminate_backend(pid), pg_sleep(0.05) from pg_stat_activity where datname = $1 union all
         select null, pg_sleep(0.05)`,
        [from],
      );
    }
  };
  const [renamed, ended] = await Promise.allSettled([rename, endSessions()]);
  if (renamed.status === 'rejected') throw renamed.reason;
  if (ended.status === 'rejected') throw ended.reason;
}

/** Drops the replaced databases, the last step of all. One that cannot be dropped is named in what is returned; it stays marked. */
export async function dropReplaced(client: Client, replaced: readonly string[]): Promise<string[]> {
  const remarks: string[] = [];
  for (const name of replaced) {
    try {
      await client.query(`drop database ${escapeIdentifier(name)} with (force)`);
    } catch (error) {
      const { message } = fromServerError(error, `the replaced database stays as '${name}'`);
      remarks.push(`${message}; the next restore drops it`);
    }
  }
  return remarks;
}

/** Whether the destination may be taken, said before any work: someone else may be restoring into it. */
export function destinationHeld(destination: string): HoldfastError {
  return new HoldfastError('source-busy', `another restore into database '${destination}' is running`, {
    hint: 'wait for it to end; the name is free again as soon as its session is',
  });
}
