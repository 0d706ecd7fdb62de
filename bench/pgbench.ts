import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { PostgresServer } from '../test/servers/postgres.ts';
import { toolEnvironment } from './bench-cluster.ts';

/** Runs pgbench to its end, and returns what it said. */
export async function pgbench(server: PostgresServer, args: readonly string[]): Promise<string> {
  const child = spawn(join(server.binDir, 'pgbench'), [...args], {
    env: { ...process.env, ...toolEnvironment(server) },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`pgbench ended with ${code}`);
  return output;
}
