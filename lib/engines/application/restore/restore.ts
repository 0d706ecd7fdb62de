import { foldersAndFiles } from '../../../core/content-words.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { StreamRecord } from '../../../core/manifest.ts';
import { withRemarks } from '../../comparison.ts';
import type { Comparison, EngineContext, RestorePlan, RestoreResult } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import { restoreChunks } from '../chunks/restore-chunks.ts';
import { compareTrees } from '../compare-content.ts';
import { type Connection, parseConnection } from '../connection.ts';
import { throwIfStopped, translated } from '../errors.ts';
import { readContent } from '../read-content.ts';
import type { TreeContent } from '../tree/tree-content.ts';
import { Destination, folderOf, removeTree } from './destination.ts';
import { extractTar } from './extract-tar.ts';
import { mergeInto } from './merge.ts';
import { PathChoice } from './path-choice.ts';
import { SafeFolder } from './safe-folder.ts';
import { TreeWriter } from './tree-writer.ts';

type Planned = RestorePlan['streams'][number];
type Copy = {
  readonly stream: Planned;
  readonly destination: Destination;
  readonly work: string;
  readonly comparison: Comparison;
};

/**
 * Puts trees back, all or none of them.
 *
 * Invariant: until every tree is restored into a work folder beside its place and compared there, nothing that exists is changed. Then each
 * is put in place by a change of names, and what it replaces is removed last. A crash before that leaves work folders, one after it what was
 * replaced; both have names that tell, no backup takes them in, and the next restore clears them away.
 */
export async function restoreTrees(context: EngineContext, plan: RestorePlan): Promise<RestoreResult> {
  const connection = parseConnection(context.connection);
  const streams = plan.streams.filter(({ record }) => record.kind === 'tree');
  const copies: Copy[] = [];
  let current = '';
  try {
    context.progress({ phase: 'preflight' });
    const places = streams.map((stream) => placeOf(connection, stream, plan));
    for (const { stream, destination, kept } of places) {
      current = destination.path;
      const copy = await restoreCopy(context, plan, stream, destination);
      copies.push({ ...copy, comparison: withRemarks(copy.comparison, kept) });
    }
    throwIfStopped(context.signal, 'the restore');
    if (plan.cutOver === false) return resultOf(copies.map((copy) => [copy, [rehearsed]]));

    context.progress({ phase: 'swap' });
    return resultOf(
      copies.splice(0).map((copy) => {
        current = copy.destination.path;
        return [copy, putInPlace(copy, plan)];
      }),
    );
  } catch (error) {
    if (context.signal.aborted) throw stopReason(context.signal, 'the restore');
    throw translated(error, `the restore to '${current}'`);
  } finally {
    for (const { work } of copies) removeTree(work);
  }
}

const rehearsed =
  "a rehearsal (recovery.mode is 'test'): the copy was removed after the comparison, and nothing was replaced";

const isMerge = ({ selection, onConflict }: RestorePlan): boolean =>
  selection !== undefined || onConflict !== undefined;

function placeOf(connection: Connection, stream: Planned, plan: RestorePlan) {
  const destination = new Destination(folderOf(connection, stream.destination));
  const kept = destination.clearLeftovers();
  const mayBeTaken = plan.replace || plan.cutOver === false || isMerge(plan);
  if (destination.isTaken && !mayBeTaken)
    throw new HoldfastError('target-not-empty', `'${destination.path}' is not empty`, {
      hint: 'restore into another folder with --as, say --replace to exchange the whole, or --on-conflict to add to it',
    });
  if (destination.isTaken && plan.replace && !isMerge(plan)) destination.requireNoMounts();
  // A part of it may need far less.
  if (plan.selection === undefined && stream.record.format === 'tar')
    destination.requireSpace(archivedBytes(stream.record));
  return { stream, destination, kept };
}

/** What the files of an archive take: their holes are in no archive, and headers in no file. */
const archivedBytes = (record: StreamRecord): number => Math.min(apparentBytes(record), record.plainBytes);

/** What the files say that they have. */
const apparentBytes = ({ content }: StreamRecord): number =>
  content?.tables.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;

async function restoreCopy(
  context: EngineContext,
  plan: RestorePlan,
  stream: Planned,
  destination: Destination,
): Promise<Copy> {
  const work = destination.makeWorkFolder();
  let isKept = false;
  try {
    const { expected, remarks } = await write(context, plan, { stream, destination, work });
    context.progress({ phase: 'compare', detail: stream.record.name });
    const comparison = await compareCopy(context, plan, { stream, work, expected });
    if (!comparison.same) {
      isKept = true;
      throw new HoldfastError(
        'comparison-failed',
        `the copy for '${destination.path}' differs from the backup and was kept as '${destination.keepAside(work)}': ${comparison.differences.join('; ')}`,
      );
    }
    isKept = true;
    return { stream, destination, work, comparison: withRemarks(comparison, remarks) };
  } finally {
    if (!isKept) removeTree(work);
  }
}

async function write(
  context: EngineContext,
  plan: RestorePlan,
  { stream, destination, work }: Omit<Copy, 'comparison'>,
) {
  const choice = new PathChoice(plan.selection?.paths);
  using folder = new SafeFolder(work);
  await using writer = new TreeWriter(folder, { writers: context.parallelJobs, signal: context.signal });
  const expectedBytes = apparentBytes(stream.record);
  const onBytes = (bytes: number): void => {
    throwIfStopped(context.signal, 'the restore');
    context.progress({ phase: 'restore', detail: stream.record.name, bytes, expectedBytes });
  };
  await (stream.record.format === 'tar' ? extractTar : restoreChunks)(
    {
      ...stream,
      reader: plan.reader,
      signal: context.signal,
      onPlanned: (bytes: number) => destination.requireSpace(bytes),
    },
    choice,
    writer,
    onBytes,
  );
  await writer.finish();
  return { expected: writer.expected(), remarks: writer.remarks() };
}

/** Reads the copy back, and holds it against what it should be; or believes what was written, where that is enough. */
async function compareCopy(
  context: EngineContext,
  { comparison }: RestorePlan,
  { stream, work, expected }: { readonly stream: Planned; readonly work: string; readonly expected: TreeContent },
): Promise<Comparison> {
  if (comparison === 'loaded') {
    const { tables } = expected.content;
    return {
      ...{ same: true, words: foldersAndFiles, proof: 'loaded', differences: [], remarks: [notReadBack] },
      collectionsCompared: tables.length,
      itemsCompared: tables.reduce((sum, { rows }) => sum + rows, 0),
    };
  }
  const actual = await readContent({
    path: work,
    format: stream.record.format,
    readers: context.parallelJobs,
    signal: context.signal,
  });
  return compareTrees(expected.content, expected.unownedDigests, actual);
}

const notReadBack = "the files that were written are the backup's, by its hashes; they were not read back";

function putInPlace({ destination, work }: Copy, plan: RestorePlan): readonly string[] {
  if (isMerge(plan) && destination.isTaken) {
    const onConflict = plan.onConflict ?? (plan.replace ? 'replace' : 'fail');
    try {
      const { added, replaced, skipped } = mergeInto(work, destination.path, onConflict);
      return [`${added} files added, ${replaced} replaced, ${skipped} left as they were`];
    } finally {
      removeTree(work);
    }
  }
  const aside = destination.swap(work);
  if (aside === undefined) return [];
  try {
    removeTree(aside);
    return [];
  } catch {
    return [`what was replaced could not be removed whole: the rest is in '${aside}'`];
  }
}

const resultOf = (copies: readonly (readonly [Copy, readonly string[]])[]): RestoreResult => ({
  restored: copies.map(([{ stream, destination, comparison }, remarks]) => ({
    stream: stream.record.stream,
    database: destination.path,
    comparison: withRemarks(comparison, remarks),
  })),
});
