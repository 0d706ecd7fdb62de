import { createHash } from 'node:crypto';
import type { CatalogClient } from '../catalog/client.ts';
import type { HoldfastConfig } from '../config/config.ts';
import { chooseRestoreTest } from '../core/choose-restore-test.ts';
import { HoldfastError } from '../core/errors.ts';
import { type BackupId, newOperationId, type TargetName } from '../core/ids.ts';
import { journalPrefix } from '../core/object-keys.ts';
import type { Admission, RestoreTestRequest, RestoreTestRun } from '../core/requests.ts';
import { findBackup, readManifest } from '../store/backups.ts';
import { readEvent } from '../store/journal.ts';
import type { Store } from '../store/store.ts';
import { knownBackups } from './known-backups.ts';
import type { Recorder } from './recorder.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly catalog: CatalogClient | undefined;
  readonly recorder: Recorder;
  readonly log: { warn(message: string): void };
};
type Asked = {
  readonly request: RestoreTestRequest;
  readonly execution: string;
  /** When the execution began: the same for every retry, so that a retried admission is the same test. */
  readonly startedAt: string;
  readonly redriveCount: number;
};
type Subject = Pick<RestoreTestRun, 'backupId' | 'target' | 'reason' | 'requestedBy'>;

/** Older backups than so many of a target are not worth the search: they are the least likely to be chosen. */
const candidatesPerTarget = 50;

/**
 * Turns a request into a restore test: of the backup that it names, or of one that is chosen.
 *
 * Order, and what a crash after each step leaves: the choice is drawn and journaled in one write-once object under an id that follows from
 * execution and redrive. Until then nothing has happened; from then on every retry finds the choice, whatever has been backed up since.
 */
export async function admitRestoreTest(dependencies: Dependencies, asked: Asked): Promise<Admission<RestoreTestRun>> {
  const begunAt = new Date(asked.startedAt);
  const hash = createHash('sha256').update(`${asked.execution}\n${asked.redriveCount}`).digest('hex');
  const validationId = newOperationId(begunAt, hash.slice(0, 8));
  const subject =
    (await subjectOf(dependencies.store, validationId)) ??
    (await choose(dependencies, asked.request, {
      now: begunAt,
      random: Number.parseInt(hash.slice(8, 20), 16) / 2 ** 48,
    }));
  if (subject === undefined)
    return { verdict: 'nothing', reason: 'the store holds no complete backup of any configured target yet' };

  const run: RestoreTestRun = {
    validationId,
    ...subject,
    execution: asked.execution,
    requestedAt: begunAt.toISOString(),
  };
  const { validationId: operation, requestedAt: at, ...told } = run;
  await dependencies.recorder.record({ event: 'restore-test-requested', operation, at, tenant: null, ...told });
  return { verdict: 'admitted', run, attempts: 0, redriveCount: asked.redriveCount };
}

/** What an earlier try of this very admission chose. */
async function subjectOf(store: Store, validationId: BackupId): Promise<Subject | undefined> {
  for await (const { key } of store.list(journalPrefix(validationId))) {
    const event = await readEvent(store, key);
    if (event.event !== 'restore-test-requested') continue;
    const { backupId, target, reason, requestedBy } = event;
    return { backupId, target, reason, requestedBy };
  }
  return undefined;
}

async function choose(
  { config, store, catalog, log }: Dependencies,
  { backup, target, requestedBy = { kind: 'user' } }: RestoreTestRequest,
  chance: { readonly now: Date; readonly random: number },
): Promise<Subject | undefined> {
  if (backup !== undefined) {
    const found = await findBackup(store, { backup, target });
    await readManifest(store, found.target, found.id);
    return { backupId: found.id, target: found.target, reason: 'it was named', requestedBy };
  }
  const targets: readonly TargetName[] = target === undefined ? config.targets.map(({ name }) => name) : [target];
  const known = await knownBackups(
    { store, catalog, warn: (message) => log.warn(message) },
    { targets, perTarget: candidatesPerTarget },
  );
  const candidates = known.backups
    .filter(({ verification }) => verification !== 'FAILED')
    .map((one) => ({ ...one, isVerified: one.verification === 'VERIFIED' }));
  const chosen = chooseRestoreTest(candidates, chance);
  if (chosen !== undefined) {
    const reason = `chosen by chance among ${candidates.length}, with a probability of ${(100 * chosen.odds).toFixed(1)} %`;
    return { backupId: chosen.candidate.backupId, target: chosen.candidate.target, reason, requestedBy };
  }
  if (target === undefined) return undefined;
  throw new HoldfastError('backup-unknown', `no complete backup of target '${target}' in '${store.url}'`);
}
