import { lchownSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import type { ServerAccount } from '../../../servers/server-account.ts';
import type { RestorePlan } from '../../engine.ts';
import type { ClusterFacts } from './cluster-facts.ts';

export type Tablespace = { readonly oid: string; readonly location: string };

/**
 * Where each tablespace of the cluster goes. Without a word from the user, into a folder beside the data directory: the source's own place may be
 * in use, by the source. Throws `usage` where a place is named for a tablespace that there is not, or lies within another folder of the cluster.
 */
export function placesOfTablespaces(
  { tablespaces }: Pick<ClusterFacts, 'tablespaces'>,
  data: string,
  folders: RestorePlan['folders'] = [],
): readonly Tablespace[] {
  const unknown = folders.find(
    ({ from }) => !tablespaces.some(({ oid, location }) => from === oid || from === location),
  );
  if (unknown !== undefined)
    throw new HoldfastError('usage', `the backup has no tablespace '${unknown.from}'`, {
      hint:
        tablespaces.length === 0
          ? 'it has no tablespaces of its own'
          : `it has ${tablespaces.map(({ oid, location }) => `${oid} at '${location}'`).join(', ')}`,
    });
  const relative = folders.find(({ to }) => !path.isAbsolute(to));
  if (relative !== undefined)
    throw new HoldfastError(
      'usage',
      `'${relative.to}' is no folder for a tablespace: its path does not begin with '/'`,
    );
  const places = tablespaces.map(({ oid, location }) => ({
    oid,
    location:
      folders.find(({ from }) => from === oid || from === location)?.to ?? path.join(`${data}-tablespaces`, oid),
  }));
  requireApart([data, ...places.map(({ location }) => location)]);
  return places;
}

/** What lies in the folder of another would be taken for a part of that, and cleared away with it. */
function requireApart(folders: readonly string[]): void {
  const inOther = folders.find((one, index) => folders.some((other, at) => at !== index && isWithin(one, other)));
  if (inOther !== undefined)
    throw new HoldfastError('usage', `'${inOther}' lies within another folder of the restored cluster`, {
      hint: 'give the data directory and each tablespace a folder of its own',
    });
}

const isWithin = (one: string, other: string): boolean => !/^\.\.($|\/)/.test(path.relative(other, one));

/** Links the tablespaces into the data directory, as the server expects them. */
export function linkTablespaces(
  data: string,
  tablespaces: readonly Tablespace[],
  account: ServerAccount | undefined,
): void {
  if (tablespaces.length > 0) mkdirSync(path.join(data, 'pg_tblspc'), { recursive: true, mode: 0o700 });
  for (const { oid, location } of tablespaces) {
    const link = path.join(data, 'pg_tblspc', oid);
    symlinkSync(location, link);
    if (account) lchownSync(link, account.uid, account.gid);
  }
}
