import type { Client } from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { freedAfterUse } from '../../../pipeline/free-memory.ts';
import type { EngineContext } from '../../engine.ts';
import { readArchive } from '../archive/archive-parts.ts';
import { connect } from '../connection.ts';
import { definitionsOf } from './definitions.ts';
import { listEntries } from './entry-lists.ts';
import { largeObjectLoader } from './load-large-objects.ts';
import { counted, type LoadOptions } from './load-options.ts';
import { type LoadedTable, loadRows } from './load-rows.ts';
import { loadSettings, rowSettings } from './session-settings.ts';

/**
 * Fills an empty database from an archive, read once from its beginning, with `jobs` sessions side by side: pg_restore makes the definitions
 * from the archive's own table of contents, rows go by `COPY` over all sessions at once (a single large table too), and pg_restore makes
 * indexes and constraints with as many jobs, and what connects tables one by one. Memory is three slices of 1 MiB a job beside what reads the
 * bytes; on the disk there is the table of contents.
 *
 * Proves that the server took as many rows as the archive has; the digests are of the bytes that it was given.
 */
export async function loadArchive(context: EngineContext, options: LoadOptions): Promise<readonly LoadedTable[]> {
  const { connection, tools, database, doing, jobs } = options;
  // Whatever the reader keeps of a chunk, it copies.
  const reader = readArchive(freedAfterUse(counted(options)));
  const clients: Client[] = [];
  try {
    const first = await reader.parts.next();
    if (first.done || first.value.part !== 'contents')
      throw new HoldfastError('internal', "an archive's first part is its contents");
    const { head, entries } = first.value;
    const isWanted = (await options.choose?.(entries)) ?? (() => true);
    const { before, tables, largeObjects, statements, indexes, after } = listEntries(entries, isWanted);
    if (options.choose) reader.want(new Set([...tables.map(({ dumpId }) => dumpId), ...largeObjects]));

    const settings = loadSettings(options);
    const definitions = await definitionsOf(context, { tools, archive: first.value.definitions, doing });
    await definitions.run(before, { connection, database, jobs: 1, settings });

    const sessions = tables.length === 0 ? 0 : jobs;
    for (let count = 0; count < sessions; count++)
      clients.push(await connect(connection, database, { settings: { ...settings, ...rowSettings } }));
    const objects = largeObjectLoader(context, {
      ...{ connection, tools, database, doing, head, settings },
      dumpIds: largeObjects,
    });
    const loaded = await loadRows(context, {
      ...{ reader, tables, clients, doing },
      onLargeObjects: (bytes) => objects.write(bytes),
    });
    await objects.end();
    await endAll(clients);

    context.progress({ phase: 'index', detail: options.detail });
    await definitions.run([...statements, ...indexes], { connection, database, jobs, settings });
    await definitions.run(after, { connection, database, jobs: 1, settings });
    return loaded;
  } finally {
    await endAll(clients);
    await reader.parts.return();
  }
}

async function endAll(clients: readonly Client[]): Promise<void> {
  await Promise.all(clients.map((client) => client.end().catch(() => {})));
}
