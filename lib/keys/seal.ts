import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import canonicalize from 'canonicalize';
import { HoldfastError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';

const sealLabel = 'holdfast manifest seal';

/**
 * The manifest with its seal: HMAC-SHA-256 under a key that only the data key's holder can derive, or plain SHA-256 when the
 * backup is not encrypted (`dataKey` null), which finds accidents but not intent.
 */
export function sealManifest(manifest: Omit<Manifest, 'seal'>, dataKey: Buffer | null): Manifest {
  return { ...manifest, seal: sealOf(manifest, dataKey).toString('hex') };
}

/** Throws `corrupt` when the manifest is not what was sealed, or was sealed under another data key. */
export function verifySeal(manifest: Manifest, dataKey: Buffer | null): void {
  if (timingSafeEqual(sealOf(manifest, dataKey), Buffer.from(manifest.seal, 'hex'))) return;
  throw new HoldfastError(
    'corrupt',
    `the manifest of backup '${manifest.target}/${manifest.backupId}' does not match its seal`,
    { hint: 'was the manifest altered, or its data key taken from another backup? restore from another backup' },
  );
}

/**
 * Covers RFC 8785 JSON of everything but the seal itself and `encryption.wrappedKey`: a rotated wrapping key changes that one
 * field, and must not need the manifest sealed anew.
 */
function sealOf(manifest: Omit<Manifest, 'seal'> & { readonly seal?: string }, dataKey: Buffer | null): Buffer {
  const { seal: _seal, encryption, ...rest } = manifest;
  const { wrappedKey: _wrappedKey, ...sealedEncryption } = encryption;
  // Through JSON, so that a manifest in memory and the same one read back are the same bytes: absent is absent.
  const sealed: unknown = JSON.parse(JSON.stringify({ ...rest, encryption: sealedEncryption }));
  const bytes = canonicalize(sealed) ?? '';
  if (dataKey === null) return createHash('sha256').update(bytes).digest();
  const key = Buffer.from(hkdfSync('sha256', dataKey, '', sealLabel, 32));
  return createHmac('sha256', key).update(bytes).digest();
}
