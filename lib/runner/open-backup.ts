import type { BackupId, TargetName } from '../core/ids.ts';
import type { Manifest } from '../core/manifest.ts';
import { openKeyProviderOf } from '../keys/open-key-provider.ts';
import { verifySeal } from '../keys/seal.ts';
import { readManifest } from '../store/backups.ts';
import type { RunContext } from './context.ts';

/** A backup ready to be read: its manifest, proved unaltered, and the key that its objects are encrypted with. */
export type OpenBackup = { readonly manifest: Manifest; readonly dataKey: Buffer | null };

/** Reads a manifest, unwraps its key and checks its seal. Throws `backup-unknown`, `manifest-unreadable`, `key-missing`, `key-wrong` or `corrupt`. */
export async function openBackup(
  context: Pick<RunContext, 'store' | 'config'>,
  target: TargetName,
  id: BackupId,
): Promise<OpenBackup> {
  const manifest = await readManifest(context.store, target, id);
  const dataKey = await unwrap(context, manifest);
  verifySeal(manifest, dataKey);
  return { manifest, dataKey };
}

/** The manifest says who wrapped its key; that may be another than who wraps new ones. */
async function unwrap(
  { config }: Pick<RunContext, 'config'>,
  { encryption, target, backupId }: Manifest,
): Promise<Buffer | null> {
  if (encryption.wrappedKey === null) return null;
  const provider = await openKeyProviderOf(encryption.wrappedKey, config.encryption);
  return provider.unwrap(encryption.wrappedKey, { target, backupId });
}
