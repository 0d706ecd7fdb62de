import { HoldfastError } from '../core/errors.ts';
import { compactTime, type TargetName } from '../core/ids.ts';
import type { Manifest } from '../core/manifest.ts';
import { parseManifestKey, targetPrefix } from '../core/object-keys.ts';
import type { Method } from '../core/vocabulary.ts';
import { readManifest } from './backups.ts';
import type { Store } from './store.ts';

/** How far back is looked, and then further: a target that is backed up daily is found in the first stretch, whatever else it has. */
const stretchesDays = [3, 40] as const;

/**
 * The newest complete backup of a target by any of the methods, or undefined when there is none. A manifest that cannot be read is passed over, and
 * so is what `isUsable` says no to.
 */
export async function newestComplete(
  store: Store,
  {
    target,
    methods,
    isUsable = async () => true,
  }: {
    readonly target: TargetName;
    readonly methods: readonly Method[];
    readonly isUsable?: (backup: Manifest) => Promise<boolean>;
  },
  now: Date,
): Promise<Manifest | undefined> {
  let until: string | undefined;
  for (const days of [...stretchesDays, undefined]) {
    const prefix = targetPrefix(target);
    const from = days === undefined ? prefix : `${prefix}${compactTime(new Date(now.getTime() - days * 86_400_000))}`;
    const keys: string[] = [];
    for await (const { key } of store.list(prefix, { startAfter: from })) {
      if (until !== undefined && key >= until) break;
      if (parseManifestKey(key) !== undefined) keys.push(key);
    }
    for (const [, ofOneSecond] of [...Map.groupBy(keys, secondOf)].toReversed()) {
      const manifests = await Promise.all(ofOneSecond.map((key) => readable(store, key)));
      const complete = manifests.filter(
        (one): one is Manifest => one?.status === 'complete' && methods.includes(one.method),
      );
      for (const manifest of complete.sort(lastEndedFirst)) if (await isUsable(manifest)) return manifest;
    }
    until = from;
  }
  return undefined;
}

/** What begins in the same second has ids in no order. */
const secondOf = (key: string): string => parseManifestKey(key)?.id.slice(0, '20261121T020000Z'.length) ?? key;
const lastEndedFirst = (one: Manifest, other: Manifest): number => orderOf(other).localeCompare(orderOf(one));
const orderOf = ({ endedAt, backupId }: Manifest): string => `${endedAt} ${backupId}`;

async function readable(store: Store, key: string): Promise<Manifest | undefined> {
  const named = parseManifestKey(key);
  if (named === undefined) return undefined;
  try {
    return await readManifest(store, named.target, named.id);
  } catch (error) {
    if (error instanceof HoldfastError && !error.retryable) return undefined;
    throw error;
  }
}
