import { createReadStream } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../../../../core/errors.ts';
import { type Content, isWholeServer, type Manifest } from '../../../../core/manifest.ts';
import { serverAccount } from '../../../../servers/server-account.ts';
import type { Capture, EngineContext, SynthesisRequest } from '../../../engine.ts';
import { stopReason } from '../../../stop-reason.ts';
import { type ClusterFacts, clusterFactsOf } from '../../recover/cluster-facts.ts';
import { requireRoom } from '../../recover/require-room.ts';
import { openScratchFolder } from '../../recover/scratch-folder.ts';
import { chainOf } from '../../recover/unpack-backup.ts';
import { archivedBytes } from '../../recover/unpack-cluster.ts';
import { findExactServer } from '../../server-programs.ts';
import { ManifestInspector } from '../contents/manifest-inspector.ts';
import { blocksSince } from '../wal-range/range-slot.ts';
import { combineChain } from './combine-chain.ts';
import { type Combined, syntheticStreams } from './synthetic-streams.ts';

/**
 * A base backup made of an incremental one and those that it builds on: they are unpacked in a private folder, `pg_combinebackup` makes of them what the
 * newest stands for, with a manifest of its own, and that is archived as a server would. The server that they are of is not asked for anything.
 */
export async function synthesizeBase(
  context: Omit<EngineContext, 'connection'>,
  { method, from }: SynthesisRequest,
): Promise<Capture> {
  const { manifest } = from;
  const facts = requireChain(manifest, method);
  const streams = manifest.streams.map((record) => ({ record, open: () => from.read(manifest.backupId, record) }));
  const chain = await chainOf({ reader: from, streams });
  const programs = findExactServer(facts.major, { account: serverAccount() });

  await using made = new AsyncDisposableStack();
  const { folder, account } = made.use(openScratchFolder());
  // All of it is unpacked beside what it is combined to.
  const bytes = chain.reduce((sum, archives) => sum + archivedBytes(archives), facts.sizeBytes);
  requireRoom([{ folder, bytes }], 'preflight-failed');
  const combined: Combined = {
    data: path.join(folder, 'data'),
    tablespaces: facts.tablespaces.map((one) => ({ ...one, folder: path.join(folder, one.oid) })),
  };
  try {
    await combineChain(context, chain, {
      ...{ programs, account, stage: path.join(folder, 'chain'), output: combined.data },
      tablespaces: combined.tablespaces,
    });
  } catch (error) {
    throw context.signal.aborted ? stopReason(context.signal, 'the synthesis') : error;
  }
  const listed = await filesIn(path.join(combined.data, 'backup_manifest'));
  const kept = made.move();
  return {
    source: { ...manifest.source, madeFrom: manifest.backupId },
    isIndivisible: true,
    streams: syntheticStreams(combined, { last: manifest, listed }),
    end: () => kept.disposeAsync(),
  };
}

/** Throws `usage` for a backup that builds on nothing, or that is a range of WAL. */
function requireChain({ backupId, parent, status, streams }: Manifest, method: string): ClusterFacts {
  const refused = (why: string, hint: string): HoldfastError =>
    new HoldfastError('usage', `no ${method} backup can be made of backup '${backupId}': ${why}`, { hint });
  const record = streams.find(isWholeServer);
  if (parent === null || record === undefined)
    throw refused(
      'it builds on no other',
      "name one of method 'incremental' or 'differential': 'holdfast list' shows them",
    );
  if (status !== 'complete') throw refused('a part of it is missing', "'holdfast show' says what");
  const facts = clusterFactsOf(record);
  if (facts.major < blocksSince)
    throw refused(
      `before version ${blocksSince} an incremental backup is a range of WAL, which only a recovery applies`,
      'take a base backup of the server',
    );
  return facts;
}

/** What the manifest in that file lists. */
async function filesIn(file: string): Promise<Content> {
  const inspector = new ManifestInspector();
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) inspector.write(chunk);
  return inspector.end();
}
