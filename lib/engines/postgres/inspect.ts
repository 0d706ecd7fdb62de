import { HoldfastError } from '../../core/errors.ts';
import type { Content } from '../../core/manifest.ts';
import type { Engine } from '../engine.ts';
import { ArchiveInspector } from './archive/archive-inspector.ts';
import { GlobalsInspector } from './dump-globals.ts';
import { databaseFormat, globalsFormat } from './formats.ts';

/** Reads a stream's plain bytes to their end and proves them whole; needs neither server nor client tools. */
export const inspectStream: Engine['inspect'] = async (stream, bytes, context) => {
  const inspector = inspectorOf(stream.format);
  let seenBytes = 0;
  for await (const chunk of bytes) {
    context.signal.throwIfAborted();
    seenBytes += chunk.length;
    inspector.write(chunk);
  }
  if (seenBytes === 0) throw new HoldfastError('dump-incomplete', `stream '${stream.name}' is empty`);
  return inspector.end();
};

function inspectorOf(format: string): { write(chunk: Uint8Array): void; end(): Content | undefined } {
  if (format === globalsFormat) return new GlobalsInspector();
  if (format !== databaseFormat)
    throw new HoldfastError('manifest-unreadable', `'${format}' is not a format of the postgres engine`);
  const archive = new ArchiveInspector();
  return { write: (chunk) => archive.write(chunk), end: () => archive.end().content };
}
