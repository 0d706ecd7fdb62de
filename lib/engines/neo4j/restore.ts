import { HoldfastError } from '../../core/errors.ts';
import { withRemarks } from '../comparison.ts';
import type { EngineContext, RestorePlan, RestoreResult } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import { type Server, withServer, withSession } from './connection.ts';
import { isUnsupported } from './errors.ts';
import { type LoadedCopy, loadCopy } from './restore/restore-database.ts';
import { quoteName } from './script/names.ts';

/**
 * Puts databases back, all or none of them: every one is loaded beside what is there and compared before the first is put in place. See
 * `loadCopy` for what a crash leaves behind.
 */
export async function restoreCypher(
  context: EngineContext,
  plan: RestorePlan,
  options: { readonly leavesOut?: boolean } = {},
): Promise<RestoreResult> {
  return withServer(context, async (server) => {
    const copies: LoadedCopy[] = [];
    const restored: { stream: string; database: string; comparison: LoadedCopy['comparison'] }[] = [];
    try {
      for (const planned of plan.streams) {
        await requireDatabase(server, planned.destination);
        const copy = await loadCopy(context, server, {
          planned,
          replace: plan.replace,
          leavesOut: options.leavesOut ?? false,
        });
        copies.push(copy);
        const { stream } = planned.record;
        restored.push({ stream, database: planned.destination, comparison: copy.comparison });
      }
      if (context.signal.aborted) throw stopReason(context.signal, 'the restore');
    } catch (error) {
      for (const copy of copies) await copy.takeBack().catch(() => {});
      throw error;
    }
    const isRehearsal = plan.cutOver === false;
    for (const [index, copy] of copies.entries()) {
      const one = restored[index];
      context.progress({ phase: isRehearsal ? 'take back' : 'put in place', detail: one?.database ?? '' });
      const remarks = isRehearsal ? (await copy.takeBack()).map(notMadeAgain) : await copy.putInPlace();
      if (one && remarks.length > 0)
        restored[index] = {
          ...one,
          comparison: withRemarks(one.comparison, remarks),
        };
    }
    return { restored };
  });
}

const notMadeAgain = (statement: string): string =>
  `could not be made again, because of what was written meanwhile: ${statement}`;

/** Makes the database where the edition can, if it is not there. */
async function requireDatabase(server: Server, database: string): Promise<void> {
  await withSession(server, { database: 'system', mode: 'WRITE' }, async (session) => {
    const { records } = await session.run('SHOW DATABASES YIELD name WHERE name = $name RETURN name', {
      name: database.toLowerCase(),
    });
    if (records.length > 0) return;
    await session.run(`CREATE DATABASE ${quoteName(database)} IF NOT EXISTS WAIT`).catch((cause: unknown) => {
      if (!isUnsupported(cause)) throw cause;
      throw new HoldfastError('database-missing', `the server at '${server.address}' has no database '${database}'`, {
        cause,
        hint: "Neo4j Community has the database 'neo4j' alone: restore as that with --as neo4j",
      });
    });
  });
}
