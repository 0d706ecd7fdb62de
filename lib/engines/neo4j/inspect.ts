import { tmpdir } from 'node:os';
import { HoldfastError } from '../../core/errors.ts';
import type { Content } from '../../core/manifest.ts';
import type { Engine } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import { cypherFormat } from './capture.ts';
import { GraphDigest } from './content/graph-digest.ts';
import { DumpCheck, dumpFormat } from './dump/dump-check.ts';
import { readScript } from './script/read-script.ts';

/** Reads a stream's plain bytes to their end and proves them whole; needs no server. */
export const inspectStream: Engine['inspect'] = async (stream, bytes, context) => {
  if (stream.format === cypherFormat) return scriptContent(bytes, context);
  if (stream.format === dumpFormat) return dumpContent(bytes, context.signal);
  throw new HoldfastError('manifest-unreadable', `stream '${stream.name}' has the unknown format '${stream.format}'`);
};

/** What a dump holds, as far as it says without being loaded. Rejects with `corrupt` or `dump-incomplete`. */
export async function dumpContent(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Content> {
  const check = new DumpCheck();
  for await (const chunk of bytes) {
    if (signal.aborted) throw stopReason(signal, 'the check of a dump');
    await check.write(chunk);
  }
  return check.end();
}

/** What a script holds, found by parsing it. Rejects with `corrupt` or `dump-incomplete`. */
export async function scriptContent(
  bytes: AsyncIterable<Uint8Array>,
  { signal, scratch }: { readonly signal: AbortSignal; readonly scratch: string },
): Promise<Content> {
  using digest = new GraphDigest(scratch || tmpdir());
  for await (const part of readScript(bytes)) {
    if (signal.aborted) throw stopReason(signal, 'the check of a script');
    if (part.kind === 'definition') digest.definition(part.statement);
    else if (part.kind === 'nodes') for (const { id, text } of part.rows) digest.node(id, part.labels, text);
    else
      for (const row of part.rows)
        if (!digest.relationship(row, part.type, row.text))
          throw new HoldfastError('corrupt', `a relationship joins a node that the script does not create`);
  }
  return digest.content();
}
