import { createHash } from 'node:crypto';
import type { HoldfastConfig } from '../config/config.ts';
import { requireTarget, type Target } from '../config/config.ts';
import { formatsOf, methodsOf, synthesizedMethods } from '../config/targets/methods.ts';
import { describeError, HoldfastError } from '../core/errors.ts';
import { newOperationId } from '../core/ids.ts';
import { leaseTtlSeconds } from '../core/lease-ttl.ts';
import { leaseKey, requestKey, scheduledSlot } from '../core/object-keys.ts';
import type { Admission, BackupRequest, BackupRun } from '../core/requests.ts';
import { bringsDataBack, type Format, type Method, type Tier } from '../core/vocabulary.ts';
import { acquireLease } from '../store/lease.ts';
import { type RequestRecord, readRequestRecord } from '../store/request-records.ts';
import type { Store } from '../store/store.ts';
import { putJson } from '../store/text.ts';
import type { Recorder } from './recorder.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly recorder: Recorder;
  readonly clock: () => Date;
};
type Asked = {
  readonly request: BackupRequest;
  readonly execution: string;
  /** When the execution began: the same for all its retries and redrives. */
  readonly startedAt: string;
  readonly redriveCount: number;
};

/**
 * Turns a request into a run: one per target, method, tier and scheduled time, however often it is asked for.
 *
 * Order, and what a crash after each step leaves: the request object fixes the backup's id (the same execution finds it again and goes on;
 * any other is told of it); the journal says that it was requested; the lease is taken (it runs out by itself). Each step repeats without
 * harm, so the state machine may retry the whole. A lease that another run holds refuses the run, and the refusal is recorded.
 */
export async function admitBackup(
  { config, store, recorder, clock }: Dependencies,
  asked: Asked,
): Promise<Admission<BackupRun>> {
  const target = requireTarget(config, asked.request.target);
  const method = methodOf(target, asked.request);
  const tier = asked.request.tier ?? 'manual';
  const format = formatOf(target, asked.request, { method, tier });
  const scheduledTime =
    asked.request.scheduledTime === undefined ? null : new Date(asked.request.scheduledTime).toISOString();

  const key = requestKey(target.name, method, slotOf(asked, scheduledTime, tier));
  const claim = await claimSlot(store, key, asked, clock());
  if (claim.execution !== asked.execution) {
    return {
      verdict: 'duplicate',
      duplicateOf: claim.backupId,
      reason: `execution '${claim.execution}' has this ${tier} ${method} backup of '${target.name}' since ${claim.requestedAt}`,
    };
  }
  const refused: BackupRun = {
    backupId: claim.backupId,
    target: target.name,
    engine: target.engine,
    method,
    format,
    tier,
    scheduledTime,
    requestedBy: asked.request.requestedBy ?? { kind: scheduledTime === null ? 'user' : 'schedule' },
    execution: asked.execution,
    fencingToken: 0,
    requestedAt: claim.requestedAt,
    tenant: target.tenant ?? null,
    from: asked.request.from ?? null,
  };
  await recorder.record({
    event: 'backup-requested',
    operation: refused.backupId,
    at: refused.requestedAt,
    tenant: refused.tenant,
    target: target.name,
    engine: target.engine,
    method,
    tier,
    scheduledTime,
    requestedBy: refused.requestedBy,
    execution: asked.execution,
    parent: null,
  });
  try {
    const lease = await acquireLease(store, leaseKey(target.name, method), {
      holder: asked.execution,
      description: `backup ${refused.backupId}`,
      ttlSeconds: leaseTtlSeconds,
      clock,
    });
    const run = { ...refused, fencingToken: lease.token };
    await recorder.record({
      event: 'backup-begun',
      operation: run.backupId,
      at: claim.admittedAt ?? claim.requestedAt,
      tenant: run.tenant,
      fencingToken: lease.token,
    });
    return { verdict: 'admitted', run, attempts: 0, redriveCount: asked.redriveCount };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'lease-held') throw error;
    return { verdict: 'refused', run: refused, failure: describeError(error), redriveCount: asked.redriveCount };
  }
}

/** What is made of a chain is a backup of the method that a chain begins with. Throws `usage` where there is none. */
function methodOf(target: Target, { method, from }: BackupRequest): Method {
  if (from === undefined) return method ?? usualMethodOf(target);
  const [whole] = synthesizedMethods(target.engine);
  if (whole !== undefined && (method === undefined || method === whole)) return whole;
  throw new HoldfastError('usage', `no ${method ?? 'whole'} backup of '${target.name}' can be made of earlier ones`, {
    hint:
      whole === undefined
        ? `backups of ${target.engine} are taken of their source`
        : `say '--method ${whole}' with '--from', or leave '--from' out`,
  });
}

/** The first that brings data back: who asks for a backup and says no more does not mean the definitions alone. */
function usualMethodOf({ engine, backups }: Target): Method {
  const methods = backups.map(({ method }) => method);
  const usual = methods.find(bringsDataBack) ?? methods[0] ?? methodsOf(engine)[0];
  if (usual === undefined) throw new HoldfastError('internal', `engine '${engine}' has no methods`);
  return usual;
}

/** The format that was asked for, or that of the entry of that method, of the same tier if there is one. Throws `usage`. */
function formatOf(
  { name, engine, backups }: Target,
  { format }: BackupRequest,
  { method, tier }: { readonly method: Method; readonly tier: Tier },
): Format {
  const possible = formatsOf(engine, method);
  const entries = backups.filter((entry) => entry.method === method);
  const wanted = format ?? (entries.find((entry) => entry.tier === tier) ?? entries[0])?.format ?? possible[0];
  if (wanted !== undefined && possible.includes(wanted)) return wanted;
  if (possible.length === 0)
    throw new HoldfastError('usage', `target '${name}' (${engine}) has no ${method} backups`, {
      hint: `its methods are ${methodsOf(engine).join(', ')}`,
    });
  throw new HoldfastError('usage', `a ${method} backup of '${name}' has no format '${wanted}'`, {
    hint: `its formats are ${possible.join(', ')}`,
  });
}

/**
 * What makes two requests the same one. A schedule's is its time and tier: a daily and a monthly backup due at one time are two, since they
 * are kept for different times. A person's is the execution, and each redrive of it is a new one. Step Functions lets a name be used again after 90
 * days, so an execution is its name and its beginning. A queued request has a record of its own that is waited for, and so is never somebody
 * else's duplicate: the queue has collapsed those that are.
 */
function slotOf(
  { execution, startedAt, redriveCount, request }: Asked,
  scheduledTime: string | null,
  tier: Tier,
): string {
  const redrive = redriveCount > 0 ? `-redrive-${redriveCount}` : '';
  if (scheduledTime !== null && request.backupId === undefined)
    return `${scheduledSlot(new Date(scheduledTime), tier)}${redrive}`;
  return `manual-${createHash('sha256').update(`${execution}\n${startedAt}`).digest('hex').slice(0, 32)}${redrive}`;
}

/** The id that was asked for is the first attempt's; a redrive is another backup. */
async function claimSlot(
  store: Store,
  key: string,
  { request, execution, redriveCount }: Asked,
  now: Date,
): Promise<RequestRecord> {
  const admittedAt = now.toISOString();
  const own =
    redriveCount === 0 && request.backupId !== undefined
      ? { backupId: request.backupId, requestedAt: request.requestedAt ?? admittedAt }
      : { backupId: newOperationId(now), requestedAt: admittedAt };
  const claim = { ...own, execution, admittedAt };
  if (await putJson(store, key, claim, { condition: 'absent' })) return claim;
  return readRequestRecord(store, key);
}
