import { requireTarget } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import { firstFew } from '../core/first-few.ts';
import { leaseTtlSeconds } from '../core/lease-ttl.ts';
import { isCompanion, isWholeServer, type Manifest, type StreamRecord } from '../core/manifest.ts';
import { leaseKey } from '../core/object-keys.ts';
import type { Outcome } from '../core/outcome.ts';
import type { RestoreRun } from '../core/requests.ts';
import { isFolder, type Selection, selectionOf } from '../core/selection.ts';
import type { Method } from '../core/vocabulary.ts';
import type { Engine, RestorePlan } from '../engines/engine.ts';
import { openEngine } from '../engines/open-engine.ts';
import { acquireLease, type Lease } from '../store/lease.ts';
import { engineContext, type RunContext } from './context.ts';
import { keepLease } from './lease-keeper.ts';
import { openBackup } from './open-backup.ts';
import { openLog } from './open-log.ts';
import { openReader } from './open-reader.ts';
import { openStream } from './open-stream.ts';
import { whileChainInUse } from './while-in-use.ts';

export type RestoreOutcome = NonNullable<Outcome['restore']>;

/**
 * Puts databases of a backup back and holds each against the manifest. Rejects with `comparison-failed` when a copy differs; the engine
 * then has left what was there before in its place.
 *
 * While it runs it holds every lease of the receiving target, so that no backup reads a half-restored server (released at the end; a crash
 * leaves them to run out), and the backup is marked as in use, so that no cleanup takes it away (that mark is for the run to release, because
 * another attempt may follow).
 */
export async function runRestore(context: RunContext, run: RestoreRun): Promise<RestoreOutcome> {
  const { target, backupId: id, recoveryId, execution } = run;
  return whileChainInUse(
    context,
    { target, id, what: `restore ${recoveryId}`, reader: recoveryId, holder: execution },
    () => restoreMarked(context, run),
  );
}

async function restoreMarked(context: RunContext, run: RestoreRun): Promise<RestoreOutcome> {
  const into = requireTarget(context.config, run.into);
  const backup = await openBackup(context, run.target, run.backupId);
  const chosen = chooseStreams(backup.manifest, run);
  const isWhole = chosen.some(({ record }) => isWholeServer(record));
  const isAside = isWhole && isFolder(run.as);
  const selection = isWhole && !isAside ? partsOf(run) : selectionOf(run);
  if (!isWhole) requireNoLog(run);
  else requireIdentity(run);
  requireOneDatabase(chosen, selection !== undefined);
  if (isAside && (run.databases ?? run.schemas ?? run.tables) !== null)
    throw new HoldfastError(
      'usage',
      `'${run.as}' is a folder for the whole cluster, and parts of it go into a server`,
      {
        hint: 'give the restored database a name with --as, or leave --database, --schema and --table out',
      },
    );
  const log = isWhole ? await openLog(context, backup.manifest) : undefined;
  const engine = openEngine(backup.manifest.engine);
  if (run.onConflict !== null && run.onConflict !== 'fail' && !engine.merges)
    throw new HoldfastError('usage', `a backup of ${backup.manifest.engine} is not merged with what is there`, {
      hint: 'leave --on-conflict out; --replace restores over what is there, when the copy has been compared',
    });
  if (into.engine !== backup.manifest.engine) {
    throw new HoldfastError(
      'usage',
      `backup '${run.backupId}' is of ${backup.manifest.engine}, and target '${run.into}' is ${into.engine}`,
    );
  }

  const leases: Lease[] = [];
  const lost = new AbortController();
  const held = { ...context, signal: AbortSignal.any([context.signal, lost.signal]) };
  const keepers: ReturnType<typeof keepLease>[] = [];
  try {
    for (const method of methodsHeld(engine, isAside)) {
      const lease = await acquireLease(context.store, leaseKey(run.into, method), {
        holder: run.execution,
        description: `restore ${run.recoveryId}`,
        ttlSeconds: leaseTtlSeconds,
        clock: context.clock,
      });
      leases.push(lease);
      keepers.push(keepLease(lease, (error) => lost.abort(error)));
    }
    // The engine tells how far it is; the reader beneath it would only say the same again.
    const quiet = { ...held, report: () => {} };
    const side = await engineContext(held, into, {
      ...context,
      holder: run.execution,
      // Of all that it holds, any.
      lease: leaseKey(run.into, engine.methods[0] as Method),
    });
    const { parallel } = context.config.recovery;
    const parallelJobs = run.jobs ?? (parallel ? side.parallelJobs : 1);
    const beganAt = performance.now();
    const result = await engine.restore({ ...side, parallelJobs }, {
      source: backup.manifest.source,
      reader: openReader(quiet, backup),
      replace: run.replace,
      cutOver: context.config.recovery.mode === 'full',
      // Somebody waits for a restore, but of a cluster's files nothing shows that they are sound until they have been gone through.
      comparison: run.comparison ?? context.config.recovery.comparison ?? (isAside ? 'full' : 'loaded'),
      ...(selection && { selection }),
      ...(run.onConflict && { onConflict: run.onConflict }),
      ...(log && { log }),
      ...(run.point && { point: run.point }),
      ...(run.timeline !== null && { timeline: run.timeline }),
      folders: run.folders,
      start: run.start,
      newIdentity: run.newIdentity,
      streams: chosen.map(({ record, destination }) => ({
        record,
        destination,
        open: () => openStream(quiet, backup, record, 'restore'),
      })),
    } satisfies RestorePlan);

    return {
      restoredBytes: chosen.reduce((total, { record }) => total + record.plainBytes, result.parentBytes ?? 0),
      seconds: Math.round(performance.now() - beganAt) / 1000,
      ...(result.reached && { reached: result.reached }),
      databases: result.restored.map(({ stream, database, comparison }) => ({
        from: chosen.find(({ record }) => record.stream === stream)?.record.name ?? stream,
        to: database,
        same: comparison.same,
        ...(comparison.proof && { proof: comparison.proof }),
        tables: comparison.collectionsCompared,
        rows: comparison.itemsCompared,
        words: comparison.words,
        differences: [...comparison.differences],
        remarks: [
          ...comparison.remarks,
          ...lackedBy(run, chosen.find(({ record }) => record.stream === stream)?.record),
        ],
      })),
    };
  } finally {
    await Promise.all(keepers.map((keeper) => keeper.stop()));
    await Promise.allSettled(leases.map((lease) => lease.release()));
  }
}

/** What the backup does not have as its source should have had it: whoever restores a partial one is told, however it came out. */
function lackedBy({ backupId }: RestoreRun, record: StreamRecord | undefined): readonly string[] {
  if (record?.omissions === undefined) return [];
  const { count, listed } = record.omissions;
  const first = firstFew(listed.map(({ item, reason }) => `'${item}' ${reason}`));
  return [`the backup is partial: ${first} (${count} in all; 'holdfast show ${backupId}' lists them)`];
}

/** What is wanted of a whole server, when it is not to be a folder of its own: the databases that are named, or all. */
function partsOf(run: RestoreRun): Selection {
  return {
    schemas: [],
    tables: [],
    paths: [],
    withDependencies: false,
    ...selectionOf(run),
    databases: run.databases ?? [],
  };
}

/** A server that is restored into a folder of its own leaves the target alone, and its backups go on. */
const methodsHeld = (engine: Engine, isAside: boolean): Engine['methods'] => (isAside ? [] : engine.methods);

/** Refuses what only a log could do, of a backup that none goes on from. Throws `usage`. */
export function requireNoLog({ point, timeline, folders, start, newIdentity }: RestoreRun): void {
  if (point === null && timeline === null && folders.length === 0 && start && !newIdentity) return;
  throw new HoldfastError('usage', 'this backup is not of a whole server, and no log goes on from it', {
    hint: "points, timelines, tablespaces and identities are for backups of method 'base' and what builds on them",
  });
}

/** Refuses, of a backup of a whole server, a new identity for what is no server of its own or is not promoted. Throws `usage`. */
export function requireIdentity({ newIdentity, as, start }: RestoreRun): void {
  if (!newIdentity) return;
  if (!isFolder(as))
    throw new HoldfastError(
      'usage',
      'databases that come out of a cluster have no identity: a whole cluster gets one',
      {
        hint: 'name a folder for it with --as, e.g. --as /srv/postgres-restored; or leave --new-identity out',
      },
    );
  if (!start)
    throw new HoldfastError('usage', 'a cluster gets a new identity when it is promoted, and this one is not started', {
      hint: 'leave --no-start or --new-identity out',
    });
}

function requireOneDatabase(chosen: ReturnType<typeof chooseStreams>, isSelection: boolean): void {
  if (!isSelection || chosen.filter(({ record }) => !isCompanion(record)).length === 1) return;
  throw new HoldfastError('usage', 'schemas and tables are chosen out of one database, and the backup has several', {
    hint: 'name it with --database',
  });
}

/** Which streams go where. Globals (roles, tablespaces) come along when the whole backup is restored under its own names. */
export function chooseStreams(
  manifest: Manifest,
  {
    databases,
    as,
    schemas,
    tables,
  }: Pick<RestoreRun, 'databases' | 'as'> & Partial<Pick<RestoreRun, 'schemas' | 'tables'>>,
): readonly { readonly record: StreamRecord; readonly destination: string }[] {
  const complete = manifest.streams.filter(({ status }) => status === 'complete');
  // Of a whole server everything is needed, whatever is wanted of it.
  if (complete.some(isWholeServer)) return complete.map((record) => ({ record, destination: as ?? '' }));
  const available = complete.filter((record) => !isCompanion(record));
  const names = databases ?? available.map(({ name }) => name);
  const chosen = names.map((name) => {
    const record = available.find((candidate) => candidate.name === name);
    if (record) return record;
    const failed = manifest.streams.find((candidate) => candidate.name === name)?.error;
    const why = failed
      ? `its backup failed: ${failed.message}`
      : `it holds ${available.map((other) => `'${other.name}'`).join(', ')}`;
    throw new HoldfastError('database-missing', `backup '${manifest.backupId}' has no database '${name}': ${why}`);
  });
  if (as !== null && chosen.length !== 1) {
    throw new HoldfastError(
      'usage',
      `'${as}' can be the name of one database, and ${chosen.length} are to be restored`,
      {
        hint: 'name one with --database',
      },
    );
  }
  const isWhole = databases === null && as === null && !schemas && !tables;
  const globals = isWhole ? complete.filter(({ kind }) => kind === 'globals') : [];
  return [...globals, ...chosen].map((record) => ({ record, destination: as ?? record.name }));
}
