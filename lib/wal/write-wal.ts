import { HoldfastError } from '../core/errors.ts';
import type { TargetName } from '../core/ids.ts';
import { walKey } from '../core/object-keys.ts';
import { walTags } from '../core/object-tags.ts';
import { readWalHeader } from './read-wal-header.ts';
import { type WalContext, walSettings } from './wal-context.ts';
import type { WalDataKey } from './wal-keys.ts';
import { encodeWalObject, type WalContent } from './wal-object.ts';

/** What became of a WAL file: it is durable in the store either way. */
export type Written = { readonly outcome: 'written' | 'present'; readonly storedBytes: number };

/** A file of one system's WAL; which target and system, the writer knows. */
export type WalFile = Omit<WalContent, 'target' | 'systemIdentifier'>;

/** Puts files of one system's WAL into the store. */
export type WalWriter = { write(file: WalFile): Promise<Written> };

/** A writer whose objects are encrypted with what `key` gives at the time. */
export function walWriter(
  context: WalContext,
  of: { readonly target: TargetName; readonly systemIdentifier: string },
  key: () => Promise<WalDataKey | null>,
): WalWriter {
  const settings = walSettings(context.config);
  return {
    write: async (file) => putWal(context, { ...of, ...file }, { settings, key: await key() }),
  };
}

/**
 * Invariant: a name has one content for ever. When the promise resolves, the store durably holds these plain bytes under it, whoever wrote
 * them. The same name with others rejects with `wal-conflict`, and what was there stays. A crash leaves the object whole or not at all, and
 * writing it again is no error.
 */
async function putWal(
  { store, signal }: WalContext,
  content: WalContent,
  { settings, key }: { readonly settings: ReturnType<typeof walSettings>; readonly key: WalDataKey | null },
): Promise<Written> {
  const objectKey = walKey(content.target, content.systemIdentifier, content.name);
  const { header, bytes } = await encodeWalObject(content, settings, key);
  try {
    await store.put(objectKey, bytes, { condition: 'absent', tags: walTags, signal });
    return { outcome: 'written', storedBytes: bytes.length };
  } catch (error) {
    if (!(error instanceof HoldfastError && error.code === 'already-exists')) throw error;
  }
  const { header: present, sizeBytes } = await readWalHeader(store, objectKey, signal);
  if (present.plainSha256 === header.plainSha256 && present.plainBytes === header.plainBytes)
    return { outcome: 'present', storedBytes: sizeBytes };
  throw new HoldfastError(
    'wal-conflict',
    `the store has WAL '${content.name}' of system ${content.systemIdentifier} with other content (SHA-256 ${present.plainSha256}, not ${header.plainSha256})`,
  );
}
