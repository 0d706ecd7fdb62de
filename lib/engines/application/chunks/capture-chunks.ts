import { HoldfastError } from '../../../core/errors.ts';
import type { BackupReader, Capture, CaptureResult, CaptureStream, EngineContext } from '../../engine.ts';
import type { Connection, TreeSettings } from '../connection.ts';
import { throwIfStopped } from '../errors.ts';
import { sourceFacts, streamName } from '../source.ts';
import { chainLinksOf } from './chain.ts';
import { indexFormat } from './index-line.ts';
import { packsFormat } from './pack.ts';
import { TreeCapture } from './tree-capture.ts';

/** Plain bytes of one object of packs: who restores one file reads as much as that. */
const packBytes = 64 * 1024 * 1024;

/**
 * Two streams for each tree: the chunks that no earlier backup of the chain has, and the index of all files. Builds on `parent`, unless the
 * chain has become as long as it may: then what did not change is copied in the store, and the backup builds on none.
 */
export function captureChunks(
  context: EngineContext,
  connection: Connection,
  parent: BackupReader | undefined,
): Capture {
  const links = parent === undefined ? 0 : chainLinksOf(parent.manifest) + 1;
  const isChained = parent !== undefined && links <= connection.chainLinks;
  return {
    ...(isChained && { parent: parent.manifest.backupId }),
    source: { ...sourceFacts(connection), chainLinks: isChained ? links : 0 },
    streams: connection.trees.flatMap((tree) => streamsOf(context, connection, tree, { parent, isChained })),
    async end() {},
  };
}

function streamsOf(
  context: EngineContext,
  connection: Connection,
  tree: TreeSettings,
  chain: { readonly parent: BackupReader | undefined; readonly isChained: boolean },
): CaptureStream[] {
  const capture = new TreeCapture(context, { connection, tree, ...chain });
  const packs: { end?: (error?: unknown) => void } = {};
  // Nobody may wait for it, and then its failure is that of the other stream.
  const written = new Promise<void>((resolve, reject) => {
    packs.end = (error) => (error === undefined ? resolve() : reject(error));
  });
  written.catch(() => {});
  return [
    {
      stream: streamName('packs', tree.name),
      kind: 'packs',
      name: `packs of ${tree.name}`,
      format: packsFormat,
      expectedBytes: 0,
      objectBytes: packBytes,
      isSummed: true,
      open: async () => ({ bytes: ended(capture.packs(), packs), result: () => capture.packsResult() }),
    },
    {
      stream: streamName('tree', tree.name),
      kind: 'tree',
      name: tree.name,
      format: indexFormat,
      expectedBytes: 0,
      async open() {
        // Where the chunks are is known when all are written.
        await written.catch((cause: unknown) => {
          throwIfStopped(context.signal, `the reading of tree '${tree.name}'`);
          throw new HoldfastError('dump-incomplete', `the chunks of tree '${tree.name}' were not written`, { cause });
        });
        return { bytes: capture.index(), result: (): CaptureResult => capture.indexResult() };
      },
    },
  ];
}

/** The same bytes, and `end` told how they ended. */
async function* ended(
  bytes: AsyncIterable<Uint8Array>,
  { end }: { readonly end?: (error?: unknown) => void },
): AsyncGenerator<Uint8Array> {
  let failure: unknown = new Error('nobody read on');
  try {
    yield* bytes;
    failure = undefined;
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    end?.(failure);
  }
}
