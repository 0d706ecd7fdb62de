import { HoldfastError } from '../core/errors.ts';
import { isWholeServer, type Manifest } from '../core/manifest.ts';
import { backupPrefix } from '../core/object-keys.ts';
import type { RecoveryPlan } from '../core/recovery-plan.ts';
import { describePoint } from '../core/recovery-point.ts';
import type { RestoreRun } from '../core/requests.ts';
import { restorablePointOf } from '../core/restorable-point.ts';
import { ancestorsOf } from '../engines/ancestors.ts';
import { openEngine } from '../engines/open-engine.ts';
import type { RunContext } from './context.ts';
import { openBackup } from './open-backup.ts';
import { openLog } from './open-log.ts';
import { openReader } from './open-reader.ts';
import { requireIdentity, requireNoLog } from './restore.ts';

/**
 * What a restore is about to do, looked up before it begins: the backups that it reads, every object of which is in the store, and the log to
 * the point that was asked for, without a gap. Rejects with `point-unreachable`, `object-missing`, or what opening a backup rejects with.
 */
export async function planRestore(context: RunContext, run: RestoreRun): Promise<RecoveryPlan> {
  const backup = await openBackup(context, run.target, run.backupId);
  const { manifest } = backup;
  const chain = [...(await ancestorsOf(openReader(context, backup))).toReversed(), manifest];
  const whole = manifest.streams.find((record) => record.status === 'complete' && isWholeServer(record));
  if (whole === undefined) requireNoLog(run);
  else requireIdentity(run);
  const engine = openEngine(manifest.engine);
  const kept = whole && (await openLog(context, manifest));
  const log =
    whole &&
    (await engine.findWay?.(whole, {
      ...(kept && { log: kept }),
      ...(run.point && { point: run.point }),
      ...(run.timeline !== null && { timeline: run.timeline }),
    }));
  for (const one of chain) await requireObjects(context, one);
  return {
    engine: manifest.engine,
    backups: chain.map(({ backupId }) => backupId) as RecoveryPlan['backups'],
    plainBytes: chain.reduce((total, { plainBytes }) => total + plainBytes, 0),
    storedBytes: chain.reduce((total, { storedBytes }) => total + storedBytes, 0),
    backupPoint: restorablePointOf(manifest),
    point: describePoint(run.point ?? (log ? { kind: 'latest' } : { kind: 'immediate' })),
    log: log ?? null,
  };
}

/** By a listing, which says the sizes too: whoever plans need not be able to read what is restored. */
async function requireObjects({ store }: RunContext, { target, backupId, streams }: Manifest): Promise<void> {
  const sizes = new Map<string, number>();
  for await (const { key, sizeBytes } of store.list(backupPrefix(target, backupId))) sizes.set(key, sizeBytes);
  const objects = streams.filter(({ status }) => status === 'complete').flatMap((record) => record.objects);
  for (const { key, storedBytes } of objects) {
    const found = sizes.get(key);
    if (found === storedBytes) continue;
    throw new HoldfastError(
      'object-missing',
      found === undefined
        ? `object '${key}' of backup '${backupId}' is not in the store`
        : `object '${key}' of backup '${backupId}' has ${found} bytes instead of ${storedBytes}`,
    );
  }
}
