import { HoldfastError } from '../../../core/errors.ts';
import type { BackupId } from '../../../core/ids.ts';
import type { Manifest, StreamRecord } from '../../../core/manifest.ts';
import { ancestorsOf } from '../../ancestors.ts';
import type { CaptureRequest } from '../../engine.ts';

/** The backup that an incremental one is to build on. */
export type ParentBackup = {
  readonly id: BackupId;
  /** Facts of its cluster's stream. */
  readonly facts: StreamRecord['facts'];
  /** The manifest that the server wrote of it. */
  serverManifest(): AsyncIterable<Uint8Array>;
};

/** The hint for whoever has nothing to build on. */
export const takeBase = (target: string): string => `take a base backup: 'holdfast backup ${target} --method base'`;

/**
 * What a backup of that method builds on: the newest one, unless that would make the chain longer than `chainLinks`; then the base at the
 * beginning of the chain. Throws `parent-unfit` when there is none.
 */
export async function chooseParent(
  { method, parent }: Pick<CaptureRequest, 'method' | 'parent'>,
  { target, chainLinks }: { readonly target: string; readonly chainLinks: number },
): Promise<ParentBackup> {
  if (parent === undefined)
    throw new HoldfastError('parent-unfit', `there is no complete backup that ${article(method)} one could build on`, {
      hint: takeBase(target),
    });
  const chain = [parent.manifest, ...(await ancestorsOf(parent))];
  // `chain` counts the base too, and so what the next one would have before it.
  const chosen = (chain.length > chainLinks ? chain.at(-1) : chain[0]) as Manifest;
  const find = (kind: string): StreamRecord => {
    const record = chosen.streams.find((stream) => stream.kind === kind && stream.status === 'complete');
    if (record !== undefined) return record;
    throw new HoldfastError('parent-unfit', `backup '${chosen.backupId}' has no ${kind} to build on`, {
      hint: takeBase(target),
    });
  };
  return {
    id: chosen.backupId,
    facts: find('cluster').facts,
    serverManifest: () => parent.read(chosen.backupId, find('backup-manifest')),
  };
}

/** Throws `parent-unfit` when the parent is of another cluster, which no server could find changes since. */
export function requireSameCluster(
  { id, facts }: ParentBackup,
  { target, systemIdentifier }: { readonly target: string; readonly systemIdentifier: string | null },
): void {
  if (systemIdentifier === null || facts['systemIdentifier'] === systemIdentifier) return;
  throw new HoldfastError(
    'parent-unfit',
    `backup '${id}' is of cluster ${facts['systemIdentifier']}, and the server now has cluster ${systemIdentifier}`,
    { hint: `was the server made anew, or upgraded? ${takeBase(target)}` },
  );
}

const article = (method: string): string => (/^[aeiou]/.test(method) ? `an ${method}` : `a ${method}`);
