import { createHash } from 'node:crypto';
import { defaultRestoreTest } from '../config/restore-test-schema.ts';
import { tablesAndRows } from '../core/content-words.ts';
import { HoldfastError } from '../core/errors.ts';
import { firstFew } from '../core/first-few.ts';
import { isCompanion } from '../core/manifest.ts';
import type { Outcome } from '../core/outcome.ts';
import type { RestoreTestRun } from '../core/requests.ts';
import { provesBackup, weakestProof } from '../core/restore-proof.ts';
import type { RestoreTestResult } from '../engines/engine.ts';
import { openEngine } from '../engines/open-engine.ts';
import { metered, type RunContext } from './context.ts';
import { openBackup } from './open-backup.ts';
import { openLog } from './open-log.ts';
import { openReader } from './open-reader.ts';
import { openStream } from './open-stream.ts';
import { whileChainInUse } from './while-in-use.ts';

/** What a restore test did and found. */
export type RestoreTested = {
  readonly restoreTest: NonNullable<Outcome['restoreTest']>;
  /** What is wrong with the copy; undefined when nothing is. */
  readonly failure: HoldfastError | undefined;
};

/**
 * Restores a backup into a server of its own and examines it. Reads the store, and writes nothing to it but the mark that keeps cleanups
 * away; needs no target, and so may run while targets are backed up or gone. Rejects with what kept it from getting so far.
 */
export async function runRestoreTest(context: RunContext, run: RestoreTestRun): Promise<RestoreTested> {
  const { target, backupId: id, validationId } = run;
  return whileChainInUse(context, { target, id, what: `restore test ${validationId}` }, () => testMarked(context, run));
}

async function testMarked(context: RunContext, run: RestoreTestRun): Promise<RestoreTested> {
  const backup = await openBackup(context, run.target, run.backupId);
  const { manifest } = backup;
  const streams = manifest.streams.filter(({ status }) => status === 'complete');
  // A target that is configured no more has backups all the same.
  const configured = context.config.targets.find(({ name }) => name === run.target)?.restoreTest;
  const settings = { ...defaultRestoreTest, ...configured };
  // The engine tells how far it is; the reader beneath it would only say the same again.
  const quiet = { ...context, report: () => {} };
  const { recovery, run: ofRuns } = context.config;
  const log = await openLog(context, manifest);
  let restoredAt = context.clock();
  const result = await openEngine(manifest.engine).restoreTest(
    {
      target: run.target,
      parallelJobs: recovery.parallel ? ofRuns.parallelJobs : 1,
      options: {},
      signal: context.signal,
      progress: metered(context.report),
      scratch: context.scratch,
    },
    {
      source: manifest.source,
      reader: openReader(quiet, backup),
      ...(log && { log }),
      chance: chanceOf(run),
      streams: streams.map((record) => ({ record, open: () => openStream(quiet, backup, record, 'restore') })),
      options: settings,
      assertions: settings.assertions,
      assertionTimeoutSeconds: settings.assertionTimeoutSeconds,
      onRestored: () => {
        restoredAt = context.clock();
      },
    },
  );
  requireProof(result);
  const proof = weakestProof(result.restored.map(({ comparison }) => comparison));
  return {
    restoreTest: {
      server: result.server,
      serverVersion: result.serverVersion,
      databases: streams.filter((record) => !isCompanion(record)).length,
      tables: sum(result, 'collectionsCompared'),
      rows: sum(result, 'itemsCompared'),
      relations: result.relations,
      assertions: settings.assertions.length,
      words: result.restored[0]?.comparison.words ?? tablesAndRows,
      ...(proof && { proof }),
      restoredBytes: streams.reduce((total, { plainBytes }) => total + plainBytes, result.parentBytes ?? 0),
      restoreSeconds: result.restoreSeconds,
      restoredAt: restoredAt.toISOString(),
      ...(result.restoredPoint !== undefined && { restoredPoint: result.restoredPoint }),
    },
    failure: failureIn(result),
  };
}

/** Whatever restores are set to: what nobody has read back or gone through is no proof. */
function requireProof({ restored }: RestoreTestResult): void {
  const one = restored.find(({ comparison }) => !provesBackup(comparison.proof));
  if (one)
    throw new HoldfastError(
      'internal',
      `the restore test of '${one.database}' has neither read back nor examined what it restored`,
    );
}

/** From 0 to below 1, and the same for every attempt at the same test. */
function chanceOf({ validationId }: RestoreTestRun): number {
  return createHash('sha256').update(validationId).digest().readUInt32BE() / 2 ** 32;
}

const sum = ({ restored }: RestoreTestResult, field: 'collectionsCompared' | 'itemsCompared'): number =>
  restored.reduce((total, { comparison }) => total + comparison[field], 0);

/** A damaged copy explains assertions that fail, so it is what the test is said to have found. */
function failureIn({ problems }: RestoreTestResult): HoldfastError | undefined {
  const [first] = problems;
  if (first === undefined) return undefined;
  return new HoldfastError(first.code, firstFew(problems.map(({ message }) => message)));
}
