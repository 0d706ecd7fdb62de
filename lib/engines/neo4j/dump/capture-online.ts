import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import type { Capture, CaptureStream, EngineContext } from '../../engine.ts';
import { sourceOf, streamName } from '../capture.ts';
import { chosenDatabases, parseConnection, withServer } from '../connection.ts';
import type { FindTools, Neo4jTools } from '../tools.ts';
import { runAdmin } from './admin.ts';
import { ownSettings } from './server-folders.ts';

/** An artifact of `neo4j-admin database backup`. */
export const backupFormat = 'neo4j-backup';

/**
 * A full online backup of each chosen database by the Enterprise edition's own tool, checked by that tool before it goes to the store. It writes
 * to a folder, so the scratch folder needs room for the largest database. Rejects with `tool-missing` where the tool is that of the Community edition.
 */
export async function captureOnline(context: EngineContext, findTools: FindTools): Promise<Capture> {
  const { host } = parseConnection(context.connection);
  const { backupAddress = `${host}:6362` } = ownSettings(context);
  const { source, version, databases } = await withServer(context, async (server, connection) => ({
    source: sourceOf(server),
    version: server.version,
    databases: await chosenDatabases(server, connection),
  }));
  const tools = await findTools(version);
  await requireEnterprise(context, tools);
  return {
    source: { ...source, toolVersion: tools.version },
    streams: databases.map(
      (database): CaptureStream => ({
        stream: streamName(database),
        kind: 'database',
        name: database,
        format: backupFormat,
        expectedBytes: 0,
        open: async () => ({
          bytes: backUp(context, { database, from: backupAddress, tools }),
          result: () => ({ content: undefined, facts: {} }),
        }),
      }),
    ),
    end: async () => {},
  };
}

/** The Community edition's tool answers the question for a command that it has not with the list of those that it has. */
async function requireEnterprise({ signal, scratch }: EngineContext, tools: Neo4jTools): Promise<void> {
  const args = ['database', 'backup', '--help'];
  const admin = { tools, args, home: scratch, conf: scratch, signal };
  const said = await runAdmin({ ...admin, doing: 'asking neo4j-admin what it can', otherwise: 'tool-missing' });
  if (/^\s*neo4j-admin database backup\b/m.test(said)) return;
  throw new HoldfastError(
    'tool-missing',
    `'${tools.neo4jAdmin}' has no command 'database backup': that is the Enterprise edition's`,
    {
      hint: "back up by method 'logical', which works online on every edition, or by 'dump'; or set HOLDFAST_NEO4J_BIN to an Enterprise installation",
    },
  );
}

async function* backUp(
  { signal, scratch }: EngineContext,
  options: { readonly database: string; readonly from: string; readonly tools: Neo4jTools },
): AsyncGenerator<Uint8Array, void> {
  const { database, from, tools } = options;
  const folder = path.join(scratch, `backup-${streamName(database)}`);
  const admin = { tools, home: scratch, conf: scratch, signal, otherwise: 'dump-failed' } as const;
  try {
    await mkdir(folder, { mode: 0o700 });
    const args = ['database', 'backup', `--from=${from}`, `--to-path=${folder}`, '--type=FULL', database];
    await runAdmin({ ...admin, args, doing: `the online backup of database '${database}'` });
    const [artifact, ...others] = (await readdir(folder)).filter((file) => file.endsWith('.backup'));
    if (artifact === undefined || others.length > 0)
      throw new HoldfastError(
        'dump-incomplete',
        `the online backup of database '${database}' left no artifact, or several`,
      );
    await runAdmin({
      ...admin,
      args: ['database', 'check', `--from-path=${folder}`, `--report-path=${scratch}`, database],
      doing: `checking the online backup of database '${database}'`,
      otherwise: 'dump-incomplete',
    });
    yield* createReadStream(path.join(folder, artifact), { highWaterMark: 1024 * 1024 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
