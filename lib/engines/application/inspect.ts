import { HoldfastError } from '../../core/errors.ts';
import type { Content } from '../../core/manifest.ts';
import type { Engine } from '../engine.ts';
import { indexFormat } from './chunks/index-line.ts';
import { inspectIndex, inspectPacks } from './chunks/inspect-chunks.ts';
import { packsFormat } from './chunks/pack.ts';
import { inspectTar } from './tar/inspect-tar.ts';

/** Proves a stream whole as its format says, and gives its content. */
export async function inspectStream(
  { format }: Parameters<Engine['inspect']>[0],
  bytes: AsyncIterable<Uint8Array>,
  { signal }: Parameters<Engine['inspect']>[2],
): Promise<Content> {
  switch (format) {
    case 'tar':
      return (await inspectTar(bytes, { signal })).content;
    case indexFormat:
      return (await inspectIndex(bytes)).content;
    case packsFormat:
      return inspectPacks(bytes);
    default:
      throw new HoldfastError('corrupt', `'${format}' is no format of application files`);
  }
}
