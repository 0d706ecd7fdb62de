import { parseConfig } from '../../lib/config/load.ts';
import { type CleanupProgress, type CleanupTotals, noTotals } from '../../lib/core/cleanup.ts';
import type { CleanupPlan } from '../../lib/core/cleanup-plan.ts';
import { type BackupId, newOperationId, type TargetName } from '../../lib/core/ids.ts';
import { type JournalEvent, journalKey } from '../../lib/core/journal.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import { completedEvent } from '../../lib/core/manifest-events.ts';
import { dataKey, manifestKey } from '../../lib/core/object-keys.ts';
import { tagsOf } from '../../lib/core/object-tags.ts';
import { admitCleanup } from '../../lib/lifecycle/cleanup/admit-cleanup.ts';
import { releaseCleanupLease } from '../../lib/lifecycle/cleanup/cleanup-lease.ts';
import { readPlan } from '../../lib/lifecycle/cleanup/plan-document.ts';
import { sweep } from '../../lib/lifecycle/cleanup/sweep.ts';
import { createRecorder } from '../../lib/lifecycle/recorder.ts';
import { readEvent } from '../../lib/store/journal.ts';
import type { Store } from '../../lib/store/store.ts';
import { putJson } from '../../lib/store/text.ts';
import { manifestOf } from '../catalog/manifests.ts';

export const orders = 'orders' as TargetName;
const dayMs = 86_400_000;

export const cleanupConfig = parseConfig(
  `store: { kind: file, path: ./vault }
encryption: { keys: none }
targets:
  - name: orders
    engine: postgres
    connection: { host: 127.0.0.1, user: backup, password: { env: PW } }
`,
  { file: 'holdfast.yaml', directory: '/nowhere', environment: {} },
);

export type Published = { readonly id: BackupId; readonly keys: readonly string[] };

export type CleanupPlace = {
  readonly store: Store;
  /** Sixty days from now: what is published here is then past the week that a daily backup is kept. */
  readonly clock: () => Date;
  readonly logged: string[];
  /** Publishes a backup of two data objects, taken so many days before `clock`, as a run does; `over` is of its manifest. */
  publish(daysAgo: number, over?: Partial<Manifest>, options?: { readonly journal?: boolean }): Promise<Published>;
  /** Plans, and gives what the plan says. */
  plan(execution: string, dryRun?: boolean): Promise<Planned>;
  /** Does what was planned, to its end, and lets the next cleanup run. */
  execute(planned: Planned, store?: Store): Promise<CleanupTotals>;
  /** Both. */
  cleanUp(execution: string): Promise<CleanupTotals & { readonly plan: CleanupPlan }>;
  keys(prefix: string): Promise<readonly string[]>;
  /** The kinds of events of an operation, in the journal's order. */
  events(id: BackupId): Promise<readonly string[]>;
  recorder: ReturnType<typeof createRecorder>;
};
export type Planned = Awaited<ReturnType<typeof admitCleanup>>;

/** Cleanups of a store, as the state machine's functions make them: by a configuration with a target `orders`, in sixty days, unless told otherwise. */
export function cleanupPlace(
  store: Store,
  { config = cleanupConfig, now = new Date(Date.now() + 60 * dayMs) } = {},
): CleanupPlace {
  const clock = (): Date => now;
  const logged: string[] = [];
  const note = (message: string): void => {
    logged.push(message);
  };
  const keys = async (prefix: string): Promise<readonly string[]> =>
    (await Array.fromAsync(store.list(prefix))).map(({ key }) => key);

  const plan = async (execution: string, dryRun = false): Promise<Planned> =>
    admitCleanup(
      { config, store, clock },
      { request: dryRun ? { dryRun } : {}, execution, startedAt: now.toISOString(), redriveCount: 0 },
    );
  const execute = async ({ run }: Planned, on: Store = store): Promise<CleanupTotals> => {
    let progress: CleanupProgress = { next: 0, isDone: false, totals: noTotals };
    while (!progress.isDone)
      progress = await sweep(
        { store: on, catalog: undefined, clock, log: { info: note, warn: note }, budgetSeconds: 0 },
        { run, progress },
      );
    await releaseCleanupLease(store, run.execution, clock);
    return progress.totals;
  };
  return {
    store,
    clock,
    logged,
    plan,
    execute,
    keys,
    recorder: createRecorder({ store, catalog: undefined, warn: note }),
    async cleanUp(execution) {
      const planned = await plan(execution);
      const totals = await execute(planned);
      return { ...totals, plan: await readPlan(store, planned.run.cleanupId) };
    },
    async events(id) {
      const events = await Promise.all((await keys(`journal/${id}/`)).map((key) => readEvent(store, key)));
      return events.map(({ event }) => event);
    },
    async publish(daysAgo, over = {}, { journal = true } = {}) {
      const began = new Date(now.getTime() - daysAgo * dayMs);
      const id = newOperationId(began, '00000001');
      const ended = new Date(began.getTime() + 60_000).toISOString();
      const attempt = 'a1b2';
      const template = manifestOf({ backupId: id });
      const objects = ['orders', 'billing'].map((stream) => ({
        stream,
        key: dataKey(orders, id, attempt, stream, 0),
      }));
      const manifest: Manifest = {
        ...template,
        beganAt: began.toISOString(),
        endedAt: ended,
        retention: { days: 7, until: new Date(began.getTime() + 7 * dayMs).toISOString() },
        streams: template.streams.map((record, index) => ({
          ...record,
          objects: [
            {
              key: objects[index]?.key ?? '',
              storedBytes: 100,
              storedSha256: '0'.repeat(64),
              plainBytes: 500,
              plainSha256: '0'.repeat(64),
            },
          ],
        })),
        ...over,
      };
      for (const { key } of objects)
        await store.put(key, Buffer.alloc(100), { condition: 'absent', tags: tagsOf('data', 7) });
      await putJson(store, manifestKey(orders, id), manifest, { condition: 'absent', tags: tagsOf('manifest', 7) });
      const events: JournalEvent[] = journal ? eventsOf(manifest, store) : [];
      for (const event of events) await putJson(store, journalKey(event), event, { condition: 'absent' });
      return { id, keys: [...objects.map(({ key }) => key), manifestKey(orders, id)].sort() };
    },
  };
}

function eventsOf(manifest: Manifest, store: Store): JournalEvent[] {
  const { backupId: operation, target, engine, method, tier, requestedBy, parent, beganAt } = manifest;
  return [
    {
      ...{ event: 'backup-requested', operation, at: beganAt, tenant: null, target, engine, method, tier },
      ...{ scheduledTime: null, requestedBy, execution: 'a-backup', parent },
    },
    completedEvent(manifest, store, 'VALIDATED'),
  ];
}
