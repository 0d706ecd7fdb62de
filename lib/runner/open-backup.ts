import { HoldfastError } from '../core/errors.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import type { Manifest } from '../core/manifest.ts';
import { verifySeal } from '../keys/seal.ts';
import { readManifest } from '../store/backups.ts';
import type { RunContext } from './context.ts';

/** A backup ready to be read: its manifest, proved unaltered, and the key that its objects are encrypted with. */
export type OpenBackup = { readonly manifest: Manifest; readonly dataKey: Buffer | null };

/** Reads a manifest, unwraps its key and checks its seal. Throws `backup-unknown`, `manifest-unreadable`, `key-missing`, `key-wrong` or `corrupt`. */
export async function openBackup(
  context: Pick<RunContext, 'store' | 'keys'>,
  target: TargetName,
  id: BackupId,
): Promise<OpenBackup> {
  const manifest = await readManifest(context.store, target, id);
  const { wrappedKey } = manifest.encryption;
  const dataKey = wrappedKey === null ? null : await unwrap(context, manifest);
  verifySeal(manifest, dataKey);
  return { manifest, dataKey };
}

function unwrap({ keys }: Pick<RunContext, 'keys'>, manifest: Manifest): Promise<Buffer> {
  const { wrappedKey } = manifest.encryption;
  if (keys === null || wrappedKey === null) {
    throw new HoldfastError(
      'key-missing',
      `backup '${manifest.backupId}' is encrypted under ${wrappedKey?.provider} key '${wrappedKey?.keyId}', and encryption.keys is 'none'`,
    );
  }
  return keys.unwrap(wrappedKey, { target: manifest.target, backupId: manifest.backupId });
}
