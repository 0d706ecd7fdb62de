import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { neo4jOwnShape } from '../../../config/targets/neo4j.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { EngineContext } from '../../engine.ts';

/** Where a server of this machine has its databases. */
export type ServerFolders = {
  readonly home: string;
  readonly conf: string;
  /** Below it, `databases/<name>`. */
  readonly data: string;
  /** Below it, `<name>`. */
  readonly transactions: string;
};

export type OwnSettings = z.infer<typeof ownSchema>;
const ownSchema = z.object(neo4jOwnShape);

/** The settings that neo4j-admin's methods have. */
export const ownSettings = (context: Pick<EngineContext, 'options'>): OwnSettings => ownSchema.parse(context.options);

/** The folders that the server's own configuration names. Rejects with `config-invalid` where there is none. */
export async function serverFolders({
  home,
  conf = home && path.join(home, 'conf'),
}: OwnSettings): Promise<ServerFolders> {
  if (home === undefined || conf === undefined)
    throw new HoldfastError(
      'config-invalid',
      "a dump needs the setting 'home': NEO4J_HOME of the server, as this machine sees it",
    );
  const file = path.join(conf, 'neo4j.conf');
  const text = await readFile(file, 'utf8').catch(async (cause: unknown) => {
    // A container's server is told by its environment where others have a file; its data lie where they do by default.
    if (await isThere(path.join(home, 'data/databases'))) return '';
    throw new HoldfastError('config-invalid', `'${file}' cannot be read: is 'home' right, and 'conf'?`, { cause });
  });
  const settings = new Map(
    [...text.matchAll(/^\s*([a-z][\w.]*)\s*=\s*(.*?)\s*$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
  const data = path.resolve(home, settings.get('server.directories.data') ?? 'data');
  const transactions = settings.get('server.directories.transaction.logs.root');
  return {
    home,
    conf,
    data,
    transactions: transactions === undefined ? path.join(data, 'transactions') : path.resolve(home, transactions),
  };
}

const isThere = (folder: string): Promise<boolean> =>
  access(folder).then(
    () => true,
    () => false,
  );
