import { execFileSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { cacheFolders } from '../../config/cache-folder.ts';
import { namedRedisFolders, pathFolders } from '../../config/program-folders.ts';
import { HoldfastError } from '../../core/errors.ts';
import { rdbVersionOf } from './rdb/payload-version.ts';
import { isAtLeast, type Server } from './server.ts';

/** A server that can be started here. */
export type ServerProgram = Pick<Server, 'product' | 'version' | 'major' | 'minor'> & { readonly program: string };

/**
 * The server that is most like the one that was backed up: the same product in its version or the next newer one, or else one that reads what it
 * wrote, or at last any, unless the backup `needsNewest`: has what older servers lack. Looks in `folders` (default: HOLDFAST_REDIS_BIN), PATH and the cache. Rejects with `tool-missing`, naming what to install.
 */
export function findServerProgram(
  wanted: {
    readonly product: string;
    readonly version: string;
    readonly rdbVersion: number;
    readonly needsNewest: boolean;
  },
  folders: readonly string[] = [...namedRedisFolders(), ...pathFolders(), ...cachedFolders()],
): ServerProgram {
  const found = folders.flatMap((folder) =>
    ['redis-server', 'valkey-server'].flatMap((name) => inspected(path.join(folder, name)) ?? []),
  );
  const [major = 0, minor = 0] = wanted.version.split('.').map(Number);
  const fromOldest = found.toSorted((one, other) => one.major - other.major || one.minor - other.minor);
  const ofProduct = fromOldest.filter(({ product }) => product === wanted.product);
  const best =
    ofProduct.find((one) => isAtLeast(one, major, minor)) ??
    ofProduct.findLast((one) => rdbVersionOf(one) >= wanted.rdbVersion) ??
    fromOldest.findLast((one) => rdbVersionOf(one) >= wanted.rdbVersion) ??
    (wanted.needsNewest ? undefined : fromOldest.at(-1));
  if (best) return best;
  const others = found.map(({ product, version }) => `${product} ${version}`).join(', ');
  throw new HoldfastError(
    'tool-missing',
    `no server was found that takes back what ${wanted.product} ${wanted.version} wrote${others && `; there is ${others}`}`,
    {
      hint: `install ${wanted.product} ${major}.${minor} or newer (on Debian and Ubuntu: sudo apt-get install ${wanted.product.toLowerCase()}-server), or set HOLDFAST_REDIS_BIN to the folder of its programs`,
    },
  );
}

const cachedFolders = (): readonly string[] =>
  cacheFolders().flatMap((cache) => globSync(path.join(cache, '{redis,valkey}{,-*}/bin')));

function inspected(program: string): ServerProgram | undefined {
  if (!existsSync(program)) return undefined;
  try {
    const said = execFileSync(program, ['--version'], { encoding: 'utf8' });
    const [, version = ''] = /v=(\d+\.\d+\.\d+)/.exec(said) ?? [];
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (version === '') return undefined;
    return { product: /valkey/i.test(said) ? 'Valkey' : 'Redis', version, major, minor, program };
  } catch {
    return undefined;
  }
}
