import { HoldfastError } from '../../core/errors.ts';
import type { Content } from '../../core/manifest.ts';
import type { Engine } from '../engine.ts';
import { baseInspector } from './base/inspect-base.ts';
import { GlobalsInspector } from './dump-globals.ts';
import { formatNamed, globalsFormat } from './formats/formats.ts';

/** Reads a stream's plain bytes to their end and proves them whole; needs neither server nor client tools. */
export const inspectStream: Engine['inspect'] = async (stream, bytes, context) => {
  const inspector = baseInspector(stream) ?? inspectorOf(stream.format);
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
  const inspector = formatNamed(format).inspector();
  return { write: (chunk) => inspector.write(chunk), end: () => inspector.end().content };
}
