import type { BackupId, TargetName } from '../core/ids.ts';
import type { Manifest } from '../core/manifest.ts';
import { verifySeal } from '../keys/seal.ts';
import { openFacts } from '../keys/sealed-facts.ts';
import { readManifest } from '../store/backups.ts';
import type { RunContext } from './context.ts';

/** A backup ready to be read: its manifest, proved unaltered, and the key that its objects are encrypted with. */
export type OpenBackup = { readonly manifest: Manifest; readonly dataKey: Buffer | null };

/** Reads a manifest, unwraps its key, checks its seal and opens its sealed facts. Throws `backup-unknown`, `manifest-newer`, `manifest-unreadable`, `key-missing`, `key-wrong` or `corrupt`. */
export async function openBackup(
  context: Pick<RunContext, 'store' | 'config' | 'openKeys'>,
  target: TargetName,
  id: BackupId,
): Promise<OpenBackup> {
  const manifest = await readManifest(context.store, target, id);
  const dataKey = await unwrap(context, manifest);
  verifySeal(manifest, dataKey);
  return { manifest: dataKey === null ? manifest : withOpenFacts(manifest, dataKey), dataKey };
}

function withOpenFacts(manifest: Manifest, dataKey: Buffer): Manifest {
  const { target, backupId } = manifest;
  const streams = manifest.streams.map((record) =>
    record.sealedFacts === undefined
      ? record
      : {
          ...record,
          facts: {
            ...record.facts,
            ...openFacts(record.sealedFacts, dataKey, { target, backupId, stream: record.stream }),
          },
        },
  );
  return { ...manifest, streams };
}

/** The manifest says who wrapped its key; that may be another than who wraps new ones. */
async function unwrap(
  { config, openKeys }: Pick<RunContext, 'config' | 'openKeys'>,
  { encryption, target, backupId }: Manifest,
): Promise<Buffer | null> {
  if (encryption.wrappedKey === null) return null;
  const provider = await openKeys(encryption.wrappedKey, config.encryption);
  return provider.unwrap(encryption.wrappedKey, { target, backupId });
}
