import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { EngineProgress, SourceService } from '../../../lib/engines/engine.ts';
import type { Neo4jServer } from '../../servers/neo4j.ts';
import { type TestContext, testContext } from '../saved-streams.ts';

/** A context for the server with a scratch folder of its own; `connection` overrides single settings. */
export function contextFor(
  server: Pick<Neo4jServer, 'host' | 'port' | 'user' | 'password'>,
  options: {
    readonly connection?: Record<string, unknown>;
    readonly parallelJobs?: number;
    readonly options?: Readonly<Record<string, unknown>>;
    readonly service?: SourceService;
    readonly signal?: AbortSignal;
    readonly progress?: (event: EngineProgress) => void;
  } = {},
): TestContext {
  const { host, port, user, password } = server;
  return testContext({
    ...options,
    target: 'social',
    connection: { host, port, user, password, tls: 'disable', ...options.connection },
    parallelJobs: options.parallelJobs ?? 2,
    options: options.options ?? {},
  });
}

/** Runs a script with the server's own cypher-shell, and gives what it printed. Rejects when it ends with another code than 0. */
export async function cypherShell(server: Neo4jServer, file: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    path.join(server.binDir, 'cypher-shell'),
    ['--address', server.uri, '--username', server.user, '--file', file],
    { env: { PATH: process.env['PATH'] ?? '', NEO4J_PASSWORD: server.password } },
  );
  return stdout;
}
