import type { Target } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import type { Manifest } from '../core/manifest.ts';
import { leaseKey } from '../core/object-keys.ts';
import type { BackupRun } from '../core/requests.ts';
import type { Method } from '../core/vocabulary.ts';
import type { BackupReader, Capture, Engine } from '../engines/engine.ts';
import { newestComplete } from '../store/newest-backup.ts';
import { canBeBuiltOn } from '../store/verification.ts';
import { engineContext, metered, type RunContext } from './context.ts';
import { openBackup } from './open-backup.ts';
import { openReader } from './open-reader.ts';
import { whileChainInUse } from './while-in-use.ts';

/** Begins to read what a run backs up. */
export type BeginCapture = (signal: AbortSignal) => Promise<Capture>;

type Wanted = { readonly engine: Engine; readonly target: Target; readonly run: BackupRun };

/**
 * Hands `work` what the run reads: the target's source, or earlier backups that a new one is made of. What a backup builds on or is made of, and all
 * that that builds on, is marked as in use until `work` has ended: the manifest that it publishes protects it from then on, or needs it no more.
 */
export function withBackupSource<Result>(
  context: RunContext,
  wanted: Wanted,
  work: (begin: BeginCapture) => Promise<Result>,
): Promise<Result> {
  return wanted.run.from === null ? withTarget(context, wanted, work) : withChain(context, wanted, work);
}

async function withTarget<Result>(
  context: RunContext,
  { engine, target, run }: Wanted,
  work: (begin: BeginCapture) => Promise<Result>,
): Promise<Result> {
  // How far it is, is told by the pipeline, which knows more than the engine.
  const side = await engineContext({ ...context, report: () => {} }, target, {
    ...context,
    holder: run.execution,
    lease: leaseKey(run.target, run.method),
  });
  const { method, format } = run;
  const beginOn =
    (parent?: BackupReader): BeginCapture =>
    (signal) =>
      engine.capture({ ...side, signal }, { method, format, ...(parent && { parent }) });
  const methods = engine.parentMethods?.[method];
  const newest = methods && (await newestGood(context, run.target, methods));
  if (newest === undefined) return work(beginOn());
  return whileRead(context, { run, id: newest.backupId }, (parent) => work(beginOn(parent)));
}

async function withChain<Result>(
  context: RunContext,
  { engine, target, run }: Wanted,
  work: (begin: BeginCapture) => Promise<Result>,
): Promise<Result> {
  const { method, format } = run;
  const synthesize = engine.synthesize?.bind(engine);
  if (synthesize === undefined)
    throw new HoldfastError('usage', `a backup of ${run.engine} is not made of earlier ones`);
  const side = {
    ...{ target: target.name, parallelJobs: context.config.run.parallelJobs, options: target },
    ...{ progress: metered(context.report), scratch: context.scratch },
  };
  return whileRead(context, { run, id: await chainNamed(context, engine, run) }, (from) =>
    work((signal) => synthesize({ ...side, signal }, { method, format, from })),
  );
}

/** The backup at the end of the chain. Throws `backup-unknown` where there is none. */
async function chainNamed(context: RunContext, engine: Engine, { target, from }: BackupRun): Promise<BackupId> {
  if (from !== null && from !== 'latest') return from;
  const methods = Object.keys(engine.parentMethods ?? {}) as Method[];
  const newest = await newestGood(context, target, methods);
  if (newest !== undefined) return newest.backupId;
  throw new HoldfastError('backup-unknown', `target '${target}' has no complete backup that builds on others`);
}

/** The newest complete backup: one that a validation or a restore test found to be bad is passed over, or all that follow would be as bad. */
function newestGood(
  { store, clock }: RunContext,
  target: TargetName,
  methods: readonly Method[],
): Promise<Manifest | undefined> {
  return newestComplete(store, { target, methods, isUsable: (backup) => canBeBuiltOn(store, backup) }, clock());
}

function whileRead<Result>(
  context: RunContext,
  { run, id }: { readonly run: BackupRun; readonly id: BackupId },
  work: (reader: BackupReader) => Promise<Result>,
): Promise<Result> {
  const { target, backupId } = run;
  return whileChainInUse(context, { target, id, what: `backup ${backupId}`, reader: backupId }, async () =>
    work(openReader({ ...context, report: () => {} }, await openBackup(context, target, id))),
  );
}
