import * as z from 'zod';
import type { StreamRecord } from '../../core/manifest.ts';
import { withRemarks } from '../comparison.ts';
import type { Comparison, EngineContext } from '../engine.ts';
import { stopReason } from '../stop-reason.ts';
import { compareTrees } from './compare-content.ts';
import { parseConnection } from './connection.ts';
import { translated } from './errors.ts';
import { readContent } from './read-content.ts';
import { folderOf } from './restore/destination.ts';
import { requireFolder } from './source.ts';
import { Choice } from './tree/choice.ts';

const factsSchema = z.object({ unownedDigests: z.record(z.string(), z.string()).default({}) });

/** Reads a folder, or a configured tree, and holds it against what the manifest says of the stream. Changes nothing. */
export async function compareTree(
  context: EngineContext,
  record: StreamRecord,
  destination: string,
): Promise<Comparison> {
  const connection = parseConnection(context.connection);
  const path = folderOf(connection, destination);
  const { unownedDigests } = factsSchema.parse(record.facts);
  requireFolder({ name: record.name, path });
  // A folder is held against the backup whole; of the tree itself what a backup would take.
  const tree = connection.trees.find((candidate) => candidate.path === path);
  try {
    const { omitted, ...actual } = await readContent({
      path,
      format: record.format,
      readers: connection.readers,
      signal: context.signal,
      ...(tree && { choice: new Choice(tree) }),
      oneFileSystem: connection.oneFileSystem,
    });
    const comparison = compareTrees(record.content, unownedDigests, actual, {
      ownersMatter: process.geteuid?.() === 0,
    });
    return withRemarks(comparison, omitted);
  } catch (error) {
    if (context.signal.aborted) throw stopReason(context.signal, 'the comparison');
    throw translated(error, `the comparison of '${path}'`);
  }
}
