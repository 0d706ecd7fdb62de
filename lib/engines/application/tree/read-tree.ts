import { openLibc } from '../native/libc.ts';
import type { Choice } from './choice.ts';
import type { Entry } from './entry.ts';
import type { Omission } from './omission.ts';
import { type SinkName, sinkOf } from './open-sink.ts';
import { FileReader, type KnownFile, type Part, type ReadJob } from './read-files.ts';
import { ReadPool } from './read-pool.ts';
import { type WalkOptions, walkTree } from './walk.ts';

export type ReadTreeOptions = Pick<WalkOptions, 'root' | 'oneFileSystem'> & {
  readonly choice: Choice;
  readonly sink: SinkName;
  readonly readers: number;
  readonly signal: AbortSignal;
  /** What the files of these paths were when they were read last. @default - all are read */
  readonly knownOf?: (paths: readonly Buffer[]) => Promise<readonly (KnownFile | undefined)[]>;
};

/**
 * Reads a whole tree over several threads, and gives what it comes to in the order of its paths. Memory is bounded by the threads, whatever
 * the tree holds, but for the names of files that have several.
 */
export async function* readTree(options: ReadTreeOptions): AsyncGenerator<Part, void> {
  const { root, signal, sink } = options;
  const pool = new ReadPool(sink, options.readers);
  const own = new FileReader(sinkOf(sink), openLibc());
  const firstNames = new Map<string, Entry>();
  let omissions: Omission[] = [];
  const under: AsyncGenerator<Part, void>[] = [];
  const batches = walkTree({ ...options, onOmission: (omission) => omissions.push(omission) });

  const begin = async (): Promise<boolean> => {
    const { value: paths, done } = await batches.next();
    if (done) return false;
    const known = await options.knownOf?.(paths);
    const job: ReadJob = { root, paths: joined(paths), ...(known && { known }) };
    under.push(pool.begin(job));
    return true;
  };
  try {
    let isMore = true;
    while (isMore || under.length > 0) {
      while (isMore && under.length < pool.width) isMore = await begin();
      const parts = under.shift();
      if (parts === undefined) break;
      for await (const part of parts) {
        signal.throwIfAborted();
        yield omissions.length === 0 ? part : { ...part, omissions: [...part.omissions, ...omissions] };
        omissions = [];
        if (part.linked) yield* linked(own, { root, firstNames, ...part.linked });
      }
    }
    if (omissions.length > 0) yield { sums: [], omissions };
  } finally {
    await pool.end();
  }
}

/** The first name of a file stands for it, and every other for the first. */
function* linked(
  reader: FileReader,
  {
    root,
    path,
    inode,
    firstNames,
  }: {
    readonly root: Uint8Array;
    readonly path: Uint8Array;
    readonly inode: string;
    readonly firstNames: Map<string, Entry>;
  },
): Generator<Part, void> {
  const name = Buffer.from(path);
  const first = firstNames.get(inode);
  if (first !== undefined) {
    yield* reader.addLink({ ...first, path: name, kind: 'hard-link', size: 0, target: first.path });
    return;
  }
  const entry = yield* reader.readLinked(root, name);
  if (entry !== undefined) firstNames.set(inode, entry);
}

function joined(paths: readonly Buffer[]): Buffer {
  const zero = Buffer.alloc(1);
  return Buffer.concat(paths.flatMap((path) => [path, zero]));
}
