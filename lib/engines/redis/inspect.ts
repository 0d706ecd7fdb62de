import type { Content, StreamRecord } from '../../core/manifest.ts';
import { aclContent } from './acl.ts';
import { aclFormat, keyFormatNamed } from './formats/formats.ts';
import { ContentDigest } from './keys/content-digest.ts';

/** Reads a stream's bytes to the last and counts what is in them. Rejects with `corrupt` or `dump-incomplete`. */
export async function inspectStream(
  { format }: Pick<StreamRecord, 'format'>,
  bytes: AsyncIterable<Uint8Array>,
): Promise<Content> {
  if (format === aclFormat) return aclContent(await allOf(bytes));
  const digest = new ContentDigest();
  const reader = keyFormatNamed(format).reader(digest);
  for await (const chunk of bytes) reader.write(chunk);
  reader.end();
  return digest.content();
}

/** All bytes in one piece, of streams that are small. */
export async function allOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytes) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
