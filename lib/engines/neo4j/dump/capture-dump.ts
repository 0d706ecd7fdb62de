import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import type { Content } from '../../../core/manifest.ts';
import type { Capture, CaptureStream, EngineContext, StoppedService } from '../../engine.ts';
import { sourceOf, streamName } from '../capture.ts';
import { chosenDatabases, parseConnection, withServer, withSession } from '../connection.ts';
import { countsOf } from '../count-elements.ts';
import type { FindTools, Neo4jTools } from '../tools.ts';
import { openAdmin, requireSuccess } from './admin.ts';
import { DumpCheck, dumpFormat } from './dump-check.ts';
import { ownSettings, type ServerFolders, serverFolders } from './server-folders.ts';

type Known = {
  readonly source: Capture['source'];
  readonly version: string;
  readonly databases: readonly { readonly name: string; readonly facts: Record<string, number> }[];
};

/**
 * A dump of each chosen database, written by neo4j-admin and streamed: nothing is written to a disk. The server is stopped when the first stream is
 * opened, and started again when the last one has ended, whatever became of them; whoever gave the service promises it after a crash.
 */
export async function captureDump(context: EngineContext, findTools: FindTools): Promise<Capture> {
  const folders = await serverFolders(ownSettings(context));
  const known = await askServer(context).catch(async (error: unknown) => {
    // A server that is stopped already is what a dump needs; it cannot say which databases it has.
    if (!(error instanceof HoldfastError) || error.code !== 'source-unreachable') throw error;
    return lookForDatabases(context, folders);
  });
  const tools = await findTools(known.version);
  const { service } = context;
  if (known.source['wasRunning'] === true && service === undefined)
    throw new HoldfastError('source-busy', 'the server runs, and a dump needs it stopped', {
      hint: "say in the target's setting 'service' how it is stopped and started, or stop it yourself",
    });

  let stopping: Promise<StoppedService> | undefined;
  let waiting = known.databases.length;
  const start = async (): Promise<void> => {
    const stopped = await stopping?.catch(() => undefined);
    await stopped?.start();
  };
  return {
    // A server that does not run cannot say its version; its own tool is of the same.
    source: { product: 'Neo4j', serverVersion: tools.version, ...known.source, toolVersion: tools.version },
    streams: known.databases.map(
      ({ name, facts }): CaptureStream => ({
        stream: streamName(name),
        kind: 'database',
        name,
        format: dumpFormat,
        expectedBytes: 0,
        async open() {
          // Where it cannot be stopped it was found stopped.
          stopping ??= service?.stop(context.signal);
          await stopping;
          const dump = dumpDatabase(context, { database: name, folders, tools });
          async function* bytes(): AsyncGenerator<Uint8Array, void> {
            try {
              yield* dump.bytes();
            } finally {
              waiting -= 1;
              // Not later than it must be: what follows is the store's business.
              if (waiting === 0) await start();
            }
          }
          return { bytes: bytes(), result: () => ({ content: dump.content(), facts }) };
        },
      }),
    ),
    end: start,
  };
}

/** What neo4j-admin writes, and at its end the proof that it is whole: its exit code says success when its output was cut off. */
function dumpDatabase(
  { signal }: EngineContext,
  options: { readonly database: string; readonly folders: ServerFolders; readonly tools: Neo4jTools },
): { bytes(): AsyncGenerator<Uint8Array, void>; content(): Content | undefined } {
  const { database, folders, tools } = options;
  const doing = `the dump of database '${database}'`;
  let content: Content | undefined;
  return {
    content: () => content,
    async *bytes() {
      if (signal.aborted) throw new HoldfastError('stopped', `${doing} was stopped`);
      const check = new DumpCheck();
      const { home, conf } = folders;
      const child = openAdmin({ tools, args: ['database', 'dump', database, '--to-stdout'], home, conf, signal });
      child.stdin.end();
      let seenBytes = 0;
      try {
        for await (const chunk of child.stdout as AsyncIterable<Uint8Array>) {
          seenBytes += chunk.length;
          await check.write(chunk);
          yield chunk;
        }
        await requireSuccess(child, { doing, otherwise: 'dump-failed', signal });
        if (seenBytes === 0) throw new HoldfastError('dump-incomplete', `${doing} is empty`);
        content = await check.end();
      } finally {
        await child.stop();
      }
    },
  };
}

const askServer = (context: EngineContext): Promise<Known> =>
  withServer(context, async (server, connection) => {
    const databases: Known['databases'][number][] = [];
    for (const name of await chosenDatabases(server, connection)) {
      // What it has now: something may still come before it is stopped.
      const { nodes, relationships } = await withSession(server, { database: name }, countsOf);
      databases.push({ name, facts: { nodesBeforeStop: nodes, relationshipsBeforeStop: relationships } });
    }
    return { source: { ...sourceOf(server), wasRunning: true }, version: server.version, databases };
  });

async function lookForDatabases(context: EngineContext, { data }: ServerFolders): Promise<Known> {
  const { databases, exclude } = parseConnection(context.connection);
  const found = await readdir(path.join(data, 'databases'), { withFileTypes: true });
  const names = found.filter((entry) => entry.isDirectory() && entry.name !== 'system').map(({ name }) => name);
  const wanted = databases === 'all' ? names.filter((name) => !exclude.includes(name)) : databases;
  const missing = wanted.find((name) => !names.includes(name));
  if (missing !== undefined)
    throw new HoldfastError('database-missing', `'${path.join(data, 'databases')}' has no database '${missing}'`);
  return {
    source: { wasRunning: false },
    version: '5',
    databases: wanted.toSorted().map((name) => ({ name, facts: {} })),
  };
}
