import { type BackupId, compactTime, type TargetName } from './ids.ts';
import type { Method, Tier } from './vocabulary.ts';

/**
 * Every object key in the store, once. All keys are write-once but `leases/`, `in-use/`, `services/`, `health/` and `alerts/`.
 *
 * ```
 * backups/<target>/<backupId>/manifest.json                     written last; without it there is no backup
 * backups/<target>/<backupId>/<attempt>/<stream>.<nnnnn>        data; <attempt> keeps a zombie writer from colliding
 * journal/<operationId>/<nnn>-<event>.json                      what happened to a backup, recovery or validation, in order
 * outcomes/<operationId>/<attempt>.json                          how one attempt of a task ended, written by the task
 * requests/<target>/<method>/<slot>.json                        one per scheduled time: a second request finds it
 * idempotency/<id>.json                                         one per wish of an API caller: asked again, it is the same
 * reports/<name>                                                written by reporting, read by people and the API
 * leases/<target>/<method>.json                                 who may write now, until when (replaced conditionally)
 * leases/cleanup.json                                         which cleanup runs, likewise
 * in-use/<target>/<backupId>/<reader>.json                    who reads this backup now, until when: cleanup leaves it alone
 * cleanups/<cleanupId>/plan.json                              what one cleanup decided, and what it does
 * services/<target>.json                                        a service that a run has stopped, and what starts it again (replaced conditionally)
 * health/<what>.json                                            what is known of the installation's health (replaced)
 * alerts/<problem>.json                                         what was told of a problem, to whom (replaced conditionally)
 * wal/<target>/<system>/<timeline>/<segment>                  a whole segment of a server's write-ahead log
 * wal/<target>/<system>/<timeline>/<segment>.partial-<from>-<to>  a piece of one, flushed before it was whole
 * wal/<target>/<system>/<timeline>.history                    where a timeline comes from
 * wal/<target>/<system>/keys/<keyId>.json                     a wrapped data key that some of these are encrypted with
 * health/wal/<target>.json                                    what the receiver of a target's log said last (replaced)
 * health/wal/<target>.conflict.json                           the last of a target's log that contradicted the store, and was pushed (replaced)
 * ```
 */
export const prefixes = {
  backups: 'backups/',
  journal: 'journal/',
  outcomes: 'outcomes/',
  requests: 'requests/',
  idempotency: 'idempotency/',
  reports: 'reports/',
  leases: 'leases/',
  inUse: 'in-use/',
  cleanups: 'cleanups/',
  /** Left by `doctor`, which may write and not remove. */
  checks: 'checks/',
  services: 'services/',
  health: 'health/',
  alerts: 'alerts/',
  wal: 'wal/',
} as const;

export const targetPrefix = (target: TargetName): string => `${prefixes.backups}${target}/`;
export const backupPrefix = (target: TargetName, id: BackupId): string => `${targetPrefix(target)}${id}/`;
export const manifestKey = (target: TargetName, id: BackupId): string => `${backupPrefix(target, id)}manifest.json`;
export const leaseKey = (target: TargetName, method: Method): string => `${prefixes.leases}${target}/${method}.json`;
export const requestKey = (target: TargetName, method: Method, slot: string): string =>
  `${prefixes.requests}${target}/${method}/${slot}.json`;
/** What makes two requests of a schedule the same one: its time and tier (two that are due at one time are kept for different times). */
export const scheduledSlot = (scheduledTime: Date, tier: Tier): string => `${compactTime(scheduledTime)}-${tier}`;
/** The prefix of the requests of one target and method, whose slots sort by their scheduled time. */
export const requestsPrefix = (target: TargetName, method: Method): string =>
  `${prefixes.requests}${target}/${method}/`;
/** Objects that say how the installation is, each replaced by its one writer. */
export const healthKeys = {
  watch: `${prefixes.health}watch.json`,
  reconciler: `${prefixes.health}reconciler.json`,
  targets: `${prefixes.health}targets.json`,
  report: `${prefixes.health}latest.json`,
  canary: `${prefixes.health}canary.json`,
} as const;
export const serviceKey = (target: TargetName): string => `${prefixes.services}${target}.json`;
export const alertKey = (problem: string): string => `${prefixes.alerts}${problem}.json`;
export const idempotencyKey = (id: string): string => `${prefixes.idempotency}${id}.json`;
export const reportKey = (name: string): string => `${prefixes.reports}${name}`;
export const outcomePrefix = (operation: BackupId): string => `${prefixes.outcomes}${operation}/`;
export const outcomeKey = (operation: BackupId, attempt: string): string =>
  `${outcomePrefix(operation)}${attempt}.json`;
export const cleanupLeaseKey = `${prefixes.leases}cleanup.json`;
export const cleanupPlanKey = (cleanup: BackupId): string => `${prefixes.cleanups}${cleanup}/plan.json`;
export const inUsePrefix = (target: TargetName, id: BackupId): string => `${prefixes.inUse}${target}/${id}/`;
export const inUseKey = (target: TargetName, id: BackupId, reader: string): string =>
  `${inUsePrefix(target, id)}${reader}.json`;
export const journalPrefix = (operation: BackupId): string => `${prefixes.journal}${operation}/`;

/** The `index`th object (from 0) of a stream. Five digits: at 4 GiB each a stream may reach 400 TB. */
export const dataKey = (target: TargetName, id: BackupId, attempt: string, stream: string, index: number): string =>
  `${backupPrefix(target, id)}${attempt}/${stream}.${String(index).padStart(5, '0')}`;

/** The logs of a target: one folder for each system, which is what a server calls the cluster that it is. */
export const walTargetPrefix = (target: TargetName): string => `${prefixes.wal}${target}/`;
export const walSystemPrefix = (target: TargetName, system: string): string => `${walTargetPrefix(target)}${system}/`;
/** A file of the log by the server's name for it, whose first eight digits are its timeline. Histories lie beside the folders of timelines. */
export const walKey = (target: TargetName, system: string, name: string): string =>
  name.endsWith('.history')
    ? `${walSystemPrefix(target, system)}${name}`
    : `${walSystemPrefix(target, system)}${name.slice(0, 8)}/${name}`;
export const walKeysPrefix = (target: TargetName, system: string): string => `${walSystemPrefix(target, system)}keys/`;
export const walKeyRecordKey = (target: TargetName, system: string, keyId: string): string =>
  `${walKeysPrefix(target, system)}${keyId}.json`;
export const walHealthKey = (target: TargetName): string => `${prefixes.health}wal/${target}.json`;
export const walConflictKey = (target: TargetName): string => `${prefixes.health}wal/${target}.conflict.json`;

/** The target and id of the backup, published or not, that an object under `backups/` belongs to; undefined for any other key. */
export function parseBackupKey(key: string): { readonly target: TargetName; readonly id: BackupId } | undefined {
  const [, target, id] = /^backups\/([a-z][a-z0-9-]{0,39})\/(\d{8}T\d{6}Z-[0-9a-f]{8})\/./.exec(key) ?? [];
  return target === undefined || id === undefined ? undefined : { target: target as TargetName, id: id as BackupId };
}

/** The target and id that a manifest's key names, or undefined when the key is not a manifest's. */
export function parseManifestKey(key: string): { readonly target: TargetName; readonly id: BackupId } | undefined {
  const [, target, id] =
    /^backups\/([a-z][a-z0-9-]{0,39})\/(\d{8}T\d{6}Z-[0-9a-f]{8})\/manifest\.json$/.exec(key) ?? [];
  return target === undefined || id === undefined ? undefined : { target: target as TargetName, id: id as BackupId };
}
