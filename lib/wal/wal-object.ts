import { createHash } from 'node:crypto';
import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { targetNameSchema } from '../core/ids.ts';
import { parsedJson } from '../core/parsed-json.ts';
import { compressionSchema, encryptionAlgorithmSchema } from '../core/vocabulary.ts';
import { BlockCompressor } from '../pipeline/compress.ts';
import { encryptObject } from '../pipeline/encryption.ts';
import type { ObjectContext } from '../pipeline/object-context.ts';
import { encodeSeekTable } from '../pipeline/seek-table.ts';
import { defaultPipelineSettings } from '../pipeline/settings.ts';
import type { WalSettings } from './wal-context.ts';
import type { WalDataKey } from './wal-keys.ts';

/** A newer version of the format has a higher number; readers refuse what they do not know. */
const walFormatVersion = 1;

/**
 * The first line of every WAL object. It says what is needed to read the rest, and what the object is, so that a second writer of the same
 * name can tell whether he has the same without reading it.
 */
const walHeaderSchema = z.strictObject({
  format: z.literal('holdfast-wal'),
  version: z.literal(walFormatVersion),
  target: targetNameSchema,
  systemIdentifier: z.string().regex(/^\d{1,20}$/),
  name: z.string(),
  /** The size of this system's segments. */
  segmentBytes: z.number().int().positive(),
  /** For segments and pieces: the positions of their first byte and of the one after their last. */
  from: z.string().optional(),
  to: z.string().optional(),
  /** Everything that was committed before this time (of the server's clock) is in what ends with this file. */
  point: z.iso.datetime().optional(),
  plainBytes: z.number().int().nonnegative(),
  plainSha256: z.string().regex(/^[0-9a-f]{64}$/),
  compression: compressionSchema,
  algorithm: encryptionAlgorithmSchema,
  /** Which data key; null when nothing is encrypted. */
  keyId: z.string().nullable(),
});
export type WalHeader = z.infer<typeof walHeaderSchema>;

/** What a WAL object is made of. `plain` may be used again when the promise has settled. */
export type WalContent = Pick<WalHeader, 'target' | 'systemIdentifier' | 'name' | 'segmentBytes'> & {
  readonly from?: string;
  readonly to?: string;
  readonly point?: string;
  readonly plain: Buffer;
};

/** The first line is never longer; a reader that found no line feed so far has no WAL object before it. */
export const longestHeaderBytes = 4096;

/** The object's bytes, header first: compressed in blocks side by side, then encrypted. */
export async function encodeWalObject(
  { plain, ...about }: WalContent,
  { compression, level, algorithm }: WalSettings,
  key: WalDataKey | null,
): Promise<{ readonly header: WalHeader; readonly bytes: Buffer }> {
  const header: WalHeader = {
    format: 'holdfast-wal',
    version: walFormatVersion,
    ...about,
    plainBytes: plain.length,
    plainSha256: createHash('sha256').update(plain).digest('hex'),
    compression,
    algorithm: key === null ? 'none' : algorithm,
    keyId: key?.keyId ?? null,
  };
  const compressed = await compressedBlocks(plain, compression, level);
  async function* content(): AsyncGenerator<Buffer> {
    yield* compressed;
  }
  const pieces: Buffer[] = [Buffer.from(`${JSON.stringify(header)}\n`)];
  // Copied: an encryption may use its chunks again, and without one they are the caller's own.
  for await (const chunk of encryptObject(content(), header.algorithm, key?.dataKey ?? null, walObjectContext(header)))
    pieces.push(Buffer.from(chunk));
  return { header, bytes: Buffer.concat(pieces) };
}

async function compressedBlocks(
  plain: Buffer,
  compression: WalSettings['compression'],
  level: number,
): Promise<Buffer[]> {
  const { blockBytes } = defaultPipelineSettings;
  const compressor = new BlockCompressor(compression, level);
  const blocks: Buffer[] = [];
  for (let at = 0; at === 0 || at < plain.length; at += blockBytes) blocks.push(plain.subarray(at, at + blockBytes));
  const frames = await Promise.all(blocks.map((block) => compressor.compress(block))).finally(() => compressor.end());
  if (compression !== 'zstd') return frames;
  const sizes = frames.map((frame, index) => ({
    compressedBytes: frame.length,
    plainBytes: blocks[index]?.length ?? 0,
  }));
  return [...frames, encodeSeekTable(sizes)];
}

/** What an object's encryption is bound to: swapped under another's key, or in another system's folder, it does not open. */
export function walObjectContext({ target, keyId, systemIdentifier, name }: WalHeader): ObjectContext {
  return { target, backupId: keyId ?? '', stream: `${systemIdentifier}/${name}`, index: 0 };
}

/** The header that begins `bytes`, and how long it is. Throws `corrupt`, and `manifest-newer` for a version that is not known here. */
export function parseWalHeader(
  bytes: Buffer,
  key: string,
): { readonly header: WalHeader; readonly headerBytes: number } {
  const end = bytes.subarray(0, longestHeaderBytes).indexOf(0x0a);
  const value = end < 0 ? undefined : parsedJson(bytes.toString('utf8', 0, end));
  const { version } = (value ?? {}) as { readonly version?: unknown };
  if (typeof version === 'number' && version > walFormatVersion) {
    throw new HoldfastError('manifest-newer', `WAL object '${key}' has format version ${version}`);
  }
  const parsed = walHeaderSchema.safeParse(value);
  if (!parsed.success) {
    throw new HoldfastError('corrupt', `WAL object '${key}' does not begin as one`, {
      hint: bytes.length === 0 ? 'it is empty: was it truncated?' : 'was it altered, or put there by something else?',
    });
  }
  return { header: parsed.data, headerBytes: end + 1 };
}
