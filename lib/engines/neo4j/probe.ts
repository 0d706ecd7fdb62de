import * as z from 'zod';
import { HoldfastError } from '../../core/errors.ts';
import type { EngineContext, Probe } from '../engine.ts';
import { countElements, sourceOf } from './capture.ts';
import { type Connection, chosenDatabases, type Server, withServer, withSession } from './connection.ts';
import { readDefinitions } from './content/definitions.ts';
import { ownSettings, serverFolders } from './dump/server-folders.ts';
import { fromServerError } from './errors.ts';
import { holdsRestore } from './restore/restore-mark.ts';
import type { FindTools } from './tools.ts';

type Finding = Probe['findings'][number];

/** Looks at the server and at every chosen database, and says what would make a backup fail or be less than it should. */
export const probeServer = (context: EngineContext, findTools: FindTools): Promise<Probe> =>
  withServer(context, async (server, connection) => {
    const databases = await chosenDatabases(server, connection);
    const findings: Finding[] = [
      ...connectionFindings(connection),
      ...(await toolFindings(context, server, findTools)),
    ];
    const parts: Probe['parts'][number][] = [];
    for (const database of databases) {
      try {
        findings.push(...(await lookInto(server, database)));
        parts.push({ kind: 'database', name: database, sizeBytes: 100 * (await countElements(server, database)) });
      } catch (error) {
        const { message, hint } = fromServerError(error, `database '${database}'`);
        findings.push({ level: 'error', message, fix: hint });
      }
    }
    return { reachable: true, serverVersion: server.version, facts: sourceOf(server), parts, findings };
  });

function connectionFindings({ host, tls }: Connection): readonly Finding[] {
  if (tls !== 'disable' || ['127.0.0.1', '::1', 'localhost'].includes(host)) return [];
  return [
    {
      level: 'warning',
      message: 'the connection is not encrypted',
      fix: "turn on TLS for Bolt in the server and set tls to 'verify'",
    },
  ];
}

const plannedSchema = z.object({ backups: z.array(z.object({ method: z.string() })).default([]) });

/** What the methods of neo4j-admin lack here, where the target has backups by them. */
async function toolFindings(context: EngineContext, server: Server, findTools: FindTools): Promise<readonly Finding[]> {
  const methods = plannedSchema.parse(context.options).backups.map(({ method }) => method);
  const findings: Finding[] = [];
  const look = async (work: Promise<unknown>): Promise<void> => {
    await work.catch((error: unknown) => {
      if (!(error instanceof HoldfastError)) throw error;
      findings.push({ level: 'error', message: error.message, fix: error.hint });
    });
  };
  if (methods.some((method) => method === 'dump' || method === 'online')) await look(findTools(server.version));
  if (!methods.includes('dump')) return findings;
  await look(serverFolders(ownSettings(context)));
  if (context.service === undefined)
    findings.push({
      level: 'warning',
      message: 'the target has no service setting: a dump finds the server running, and is refused',
      fix: "say in 'service' how it is stopped and started",
    });
  return findings;
}

async function lookInto(server: Server, database: string): Promise<readonly Finding[]> {
  return withSession(server, { database }, async (session) => {
    const { faults } = await readDefinitions(session);
    const findings: Finding[] = faults.map((message) => ({
      level: 'warning',
      message: `database '${database}': ${message}`,
      fix: 'drop it, and make it again: a restore would make it anew in any case',
    }));
    if (await holdsRestore(session))
      findings.push({
        level: 'error',
        message: `database '${database}' holds a restore that has not ended`,
        fix: "run 'holdfast restore' again: it goes on, or clears away what is left",
      });
    return findings;
  });
}
