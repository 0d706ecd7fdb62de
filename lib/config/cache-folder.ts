import { homedir } from 'node:os';
import path from 'node:path';

const clone = path.resolve(import.meta.dirname, '../..');

/**
 * Where downloaded and built programs are kept, shared by all clones of a user; `HOLDFAST_CACHE` names another folder. Root's is
 * /var/cache/holdfast, because servers run as an unprivileged account that cannot look below /root.
 */
export function cacheFolder(): string {
  const { HOLDFAST_CACHE: named, XDG_CACHE_HOME: caches } = process.env;
  if (named) return path.resolve(named);
  if (process.getuid?.() === 0) return '/var/cache/holdfast';
  return path.join(caches || path.join(homedir(), '.cache'), 'holdfast');
}

/** The folders in which a cached program is looked for: the clone's own `.cache`, then `cacheFolder`. */
export function cacheFolders(): readonly string[] {
  return [path.join(clone, '.cache'), cacheFolder()];
}
