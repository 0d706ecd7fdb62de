import type { Capture, CaptureRequest, CaptureStream, EngineContext } from '../engine.ts';
import { captureChunks } from './chunks/capture-chunks.ts';
import { parseConnection } from './connection.ts';
import { sourceFacts, streamName } from './source.ts';
import { captureTar } from './tar/capture-tar.ts';

/** One stream for each tree as a whole; or, by method `incremental`, its new chunks and its index. */
export async function captureTrees(context: EngineContext, request: CaptureRequest): Promise<Capture> {
  const connection = parseConnection(context.connection);
  if (request.method === 'incremental') return captureChunks(context, connection, request.parent);
  return {
    source: sourceFacts(connection),
    streams: connection.trees.map(
      (tree): CaptureStream => ({
        stream: streamName('tree', tree.name),
        kind: 'tree',
        name: tree.name,
        format: 'tar',
        expectedBytes: 0,
        isSummed: true,
        open: () => captureTar(context, connection, tree),
      }),
    ),
    async end() {},
  };
}
