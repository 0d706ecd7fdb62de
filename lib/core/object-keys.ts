import type { BackupId, TargetName } from './ids.ts';
import type { Method } from './vocabulary.ts';

/**
 * Every object key in the store, once. All keys are write-once but the leases.
 *
 * ```
 * backups/<target>/<backupId>/manifest.json                     written last; without it there is no backup
 * backups/<target>/<backupId>/<attempt>/<stream>.<nnnnn>        data; <attempt> keeps a zombie writer from colliding
 * journal/<operationId>/<nnn>-<event>.json                      what happened to a backup or recovery, in order
 * outcomes/<operationId>/<attempt>.json                          how one attempt of a task ended, written by the task
 * requests/<target>/<method>/<slot>.json                        one per scheduled time: a second request finds it
 * idempotency/<id>.json                                         one per wish of an API caller: asked again, it is the same
 * reports/<name>                                                written by reporting, read by people and the API
 * leases/<target>/<method>.json                                 who may write now, until when (replaced conditionally)
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
} as const;

export const targetPrefix = (target: TargetName): string => `${prefixes.backups}${target}/`;
export const backupPrefix = (target: TargetName, id: BackupId): string => `${targetPrefix(target)}${id}/`;
export const manifestKey = (target: TargetName, id: BackupId): string => `${backupPrefix(target, id)}manifest.json`;
export const leaseKey = (target: TargetName, method: Method): string => `${prefixes.leases}${target}/${method}.json`;
export const requestKey = (target: TargetName, method: Method, slot: string): string =>
  `${prefixes.requests}${target}/${method}/${slot}.json`;
export const idempotencyKey = (id: string): string => `${prefixes.idempotency}${id}.json`;
export const reportKey = (name: string): string => `${prefixes.reports}${name}`;
export const outcomePrefix = (operation: BackupId): string => `${prefixes.outcomes}${operation}/`;
export const outcomeKey = (operation: BackupId, attempt: string): string =>
  `${outcomePrefix(operation)}${attempt}.json`;
/** The prefix of the requests of one target and method, whose slots sort by their scheduled time. */
export const requestsPrefix = (target: TargetName, method: Method): string =>
  `${prefixes.requests}${target}/${method}/`;
export const journalPrefix = (operation: BackupId): string => `${prefixes.journal}${operation}/`;

/** The `index`th object (from 0) of a stream. Five digits: at 4 GiB each a stream may reach 400 TB. */
export const dataKey = (target: TargetName, id: BackupId, attempt: string, stream: string, index: number): string =>
  `${backupPrefix(target, id)}${attempt}/${stream}.${String(index).padStart(5, '0')}`;

/** The target and id that a manifest's key names, or undefined when the key is not a manifest's. */
export function parseManifestKey(key: string): { readonly target: TargetName; readonly id: BackupId } | undefined {
  const [, target, id] =
    /^backups\/([a-z][a-z0-9-]{0,39})\/(\d{8}T\d{6}Z-[0-9a-f]{8})\/manifest\.json$/.exec(key) ?? [];
  return target === undefined || id === undefined ? undefined : { target: target as TargetName, id: id as BackupId };
}
