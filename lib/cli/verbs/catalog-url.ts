import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError } from '../../core/errors.ts';
import { findEmbeddedPostgres } from '../../local/postgres-server.ts';
import type { CliContext } from '../context.ts';
import { stateDirectoryOf } from '../state-directory.ts';

/** A URL without a password: an existing server's is asked for by psql, and the local stack's socket needs none. */
export async function run(context: CliContext): Promise<number> {
  const { catalog } = await context.config();
  const url = catalog.connection ? urlOf(catalog.connection) : await embeddedUrl(stateDirectoryOf(context.configFile));
  context.output.result({ url }, () => [url]);
  return 0;
}

function urlOf({
  user,
  host,
  port,
  database,
  sslmode,
}: {
  user: string;
  host: string;
  port: number;
  database: string;
  sslmode: string;
}): string {
  return `postgresql://${encodeURIComponent(user)}@${encodeURIComponent(host)}:${port}/${encodeURIComponent(database)}?sslmode=${sslmode}`;
}

async function embeddedUrl(stateDirectory: string): Promise<string> {
  const folder = join(stateDirectory, 'databases');
  for (const identifier of await readdir(folder).catch(() => [])) {
    const server = findEmbeddedPostgres(join(folder, identifier));
    if (server)
      return `postgresql://${server.user}@/holdfast?host=${encodeURIComponent(server.host)}&port=${server.port}`;
  }
  throw new HoldfastError('catalog-unavailable', 'the local catalog runs only while the local stack does', {
    hint: "run 'holdfast up' in another terminal, then this again",
  });
}
