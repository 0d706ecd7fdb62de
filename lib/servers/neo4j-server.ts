import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { javaEnvironment } from '../config/program-folders.ts';
import { type ChildServer, childServer } from './child-server.ts';
import type { Watchdog } from './watchdog.ts';

/** The programs of one Neo4j installation. */
export type Neo4jPrograms = { readonly neo4j: string; readonly neo4jAdmin: string };

/** Neo4j's own environment: where its installation lies does not matter, its folders and settings are those of `home`. */
export const neo4jEnvironment = (home: string): Readonly<Record<string, string>> => ({
  NEO4J_HOME: home,
  NEO4J_CONF: path.join(home, 'conf'),
  HOME: home,
  ...javaEnvironment(),
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
});

/** Settings of a server that one process of this machine uses, over Bolt on 127.0.0.1 alone. */
const ownSettings = (port: number): Readonly<Record<string, string>> => ({
  'server.default_listen_address': '127.0.0.1',
  'server.bolt.listen_address': `127.0.0.1:${port}`,
  'server.bolt.advertised_address': `127.0.0.1:${port}`,
  'server.http.enabled': 'false',
  'server.https.enabled': 'false',
  'dbms.usage_report.enabled': 'false',
  'dbms.security.auth_enabled': 'true',
  'server.memory.pagecache.size': '128m',
  'db.tx_log.preallocate': 'false',
  // It stops in one second instead of ten.
  'internal.server.bolt.thread_pool_shutdown_wait_time': '100ms',
});

/**
 * Prepares the folder `home` as the home of a server, and gives the server, which is not started. It stops cleanly at SIGTERM.
 */
export async function prepareNeo4j(options: {
  readonly programs: Neo4jPrograms;
  readonly home: string;
  readonly port: number;
  /** Of its user `neo4j`. @default - that of the data which the home has already */
  readonly password?: string;
  readonly watchdog: Watchdog;
  /** Most memory that the server takes for queries and transactions. @default 512 */
  readonly heapMiB?: number;
  /** Options of Java, where the program that is started is the server itself. @default - those that start fastest */
  readonly java?: string;
  /** Beside what the server needs. @default - nothing */
  readonly environment?: Readonly<Record<string, string>>;
  /** Beside its own, which they may replace. @default - none */
  readonly settings?: Readonly<Record<string, string>>;
}): Promise<ChildServer> {
  const { programs, home, port, password, watchdog, heapMiB = 512 } = options;
  for (const folder of ['conf', 'data', 'logs', 'run', 'plugins', 'import', 'licenses'])
    mkdirSync(path.join(home, folder), { recursive: true });
  chmodSync(home, 0o700);
  const heap = { 'server.memory.heap.initial_size': '256m', 'server.memory.heap.max_size': `${heapMiB}m` };
  const settings = Object.entries({ ...ownSettings(port), ...heap, ...options.settings });
  writeFileSync(path.join(home, 'conf/neo4j.conf'), settings.map(([name, value]) => `${name}=${value}\n`).join(''));
  if (password !== undefined)
    await promisify(execFile)(programs.neo4jAdmin, ['dbms', 'set-initial-password', password], {
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...neo4jEnvironment(home) },
    });
  const logFile = path.join(home, 'logs/console.log');
  return childServer({
    program: programs.neo4j,
    args: ['console'],
    // Neo4j's own script takes the heap from its settings; one that is the server itself can not.
    env: {
      ...neo4jEnvironment(home),
      HEAP_SIZE: `${heapMiB}m`,
      ...(options.java && { NEO4J_JVM: options.java }),
      ...options.environment,
    },
    logFile,
    // Neo4j's own script starts a JVM that starts the server's.
    isLauncher: true,
    // Two JVMs, one after the other, on a machine that may have other work. One that ends is told at once.
    readyWithinSeconds: 300,
    watchdog,
    isReady: async () => /\bStarted\.$/m.test(readFileSync(logFile, 'utf8')),
  });
}
