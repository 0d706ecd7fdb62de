import { type BackupId, compactTime } from '../core/ids.ts';
import type { JournalEvent } from '../core/journal.ts';
import { journalPrefix, requestsPrefix } from '../core/object-keys.ts';
import type { ScheduleEntry } from '../core/schedules.ts';
import type { BackupStatus } from '../core/vocabulary.ts';
import { readEvent } from '../store/journal.ts';
import { readRequestRecord } from '../store/request-records.ts';
import type { Store } from '../store/store.ts';

/** What became of the last time for which a schedule started a backup. */
export type LastRun = {
  readonly backupId: BackupId;
  /** When it was due. */
  readonly scheduledTime: string;
  /** How much later it was admitted; a few seconds are usual. */
  readonly lateSeconds: number;
  readonly status: Extract<BackupStatus, 'REQUESTED' | 'RUNNING' | 'COMPLETED' | 'FAILED'>;
  readonly endedAt: string | null;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string } | null;
};

/** A schedule that last ran before that is as one that never did: a yearly one is seen, and a listing stays short. */
const lookBackMs = 400 * 86_400_000;

type Slot = { readonly key: string; readonly scheduledTime: string; readonly redrive: number };

/** The last run of each schedule, by its name, from the store alone. A schedule that has not run yet is missing. */
export async function lastRuns(
  store: Store,
  schedules: readonly Pick<ScheduleEntry, 'name' | 'target' | 'method' | 'tier'>[],
  now: Date,
): Promise<ReadonlyMap<string, LastRun>> {
  const found = new Map<string, LastRun>();
  const ofOneSource = Map.groupBy(schedules, ({ target, method }) => requestsPrefix(target, method));
  for (const [prefix, members] of ofOneSource) {
    const newest = await newestSlots(store, prefix, now);
    for (const { name, tier } of members) {
      const slot = newest.get(tier);
      if (slot !== undefined) found.set(name, await runOf(store, slot));
    }
  }
  return found;
}

/** The last scheduled slot of each tier. A redrive of it takes its place. */
async function newestSlots(store: Store, prefix: string, now: Date): Promise<ReadonlyMap<string, Slot>> {
  const newest = new Map<string, Slot>();
  const startAfter = `${prefix}${compactTime(new Date(now.getTime() - lookBackMs))}`;
  for await (const { key } of store.list(prefix, { startAfter })) {
    const [, compact, tier, redrive = '0'] =
      /^(\d{8}T\d{6}Z)-([a-z]+)(?:-redrive-(\d+))?\.json$/.exec(key.slice(prefix.length)) ?? [];
    if (compact === undefined || tier === undefined) continue;
    const slot = { key, scheduledTime: expanded(compact), redrive: Number(redrive) };
    const known = newest.get(tier);
    const isNewer =
      known === undefined ||
      slot.scheduledTime > known.scheduledTime ||
      (slot.scheduledTime === known.scheduledTime && slot.redrive > known.redrive);
    if (isNewer) newest.set(tier, slot);
  }
  return newest;
}

async function runOf(store: Store, { key, scheduledTime }: Slot): Promise<LastRun> {
  const { backupId, requestedAt } = await readRequestRecord(store, key);
  const last = await lastEventOf(store, backupId);
  return {
    backupId,
    scheduledTime,
    lateSeconds: Math.max(0, Math.round((Date.parse(requestedAt) - Date.parse(scheduledTime)) / 1000)),
    ...outcomeOf(last),
  };
}

/** The event that says how it stands: keys sort by what comes after what, and a later verification changes no outcome. */
async function lastEventOf(store: Store, backupId: BackupId): Promise<JournalEvent | undefined> {
  let last: string | undefined;
  for await (const { key } of store.list(journalPrefix(backupId)))
    if (/\/0[1-3]0-backup-(requested|begun|completed|failed)-/.test(key)) last = key;
  return last === undefined ? undefined : readEvent(store, last);
}

function outcomeOf(event: JournalEvent | undefined): Pick<LastRun, 'status' | 'endedAt' | 'error'> {
  switch (event?.event) {
    case 'backup-completed':
      return { status: 'COMPLETED', endedAt: event.endedAt, error: null };
    case 'backup-failed':
      return { status: 'FAILED', endedAt: event.endedAt, error: event.error };
    case 'backup-begun':
      return { status: 'RUNNING', endedAt: null, error: null };
    default:
      return { status: 'REQUESTED', endedAt: null, error: null };
  }
}

/** `20261121T020000Z` as `2026-11-21T02:00:00Z`. */
const expanded = (compact: string): string =>
  compact.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
