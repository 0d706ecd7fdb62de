import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import canonicalize from 'canonicalize';
import { HoldfastError } from '../core/errors.ts';
import type { StreamRecord } from '../core/manifest.ts';

type Facts = StreamRecord['facts'];
/** Which stream of which backup the facts belong to. Bound to them, so that they cannot be moved. */
export type FactsContext = { readonly target: string; readonly backupId: string; readonly stream: string };

const label = 'holdfast sealed facts';
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Facts that may hold secrets (a database's settings and comment often do), encrypted for the manifest: nonce, AES-256-GCM, tag, in base64,
 * under a key derived from the data key.
 */
export function sealFacts(facts: Facts, dataKey: Buffer, context: FactsContext): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', keyFrom(dataKey), nonce).setAAD(boundTo(context));
  const sealed = Buffer.concat([cipher.update(JSON.stringify(facts)), cipher.final()]);
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64');
}

/** The facts again. Throws `corrupt` when they were altered, moved from another stream, or sealed under another data key. */
export function openFacts(sealed: string, dataKey: Buffer, context: FactsContext): Facts {
  const bytes = Buffer.from(sealed, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', keyFrom(dataKey), bytes.subarray(0, nonceBytes))
      .setAAD(boundTo(context))
      .setAuthTag(bytes.subarray(-tagBytes));
    const text = Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
    return JSON.parse(text.toString()) as Facts;
  } catch (cause) {
    throw new HoldfastError('corrupt', `the sealed facts of stream '${context.stream}' cannot be opened`, { cause });
  }
}

const keyFrom = (dataKey: Buffer): Buffer => Buffer.from(hkdfSync('sha256', dataKey, '', label, 32));

const boundTo = ({ target, backupId, stream }: FactsContext): Buffer =>
  Buffer.from(canonicalize({ target, backupId, stream }) ?? '');
