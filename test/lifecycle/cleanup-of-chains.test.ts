import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseConfig } from '../../lib/config/load.ts';
import { type BackupId, newOperationId, type TargetName } from '../../lib/core/ids.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { createRecorder } from '../../lib/lifecycle/recorder.ts';
import { releaseLeases } from '../../lib/lifecycle/release-leases.ts';
import { runBackup } from '../../lib/runner/backup.ts';
import { type RunContext, withRunContext } from '../../lib/runner/context.ts';
import { runRestore } from '../../lib/runner/restore.ts';
import { cleanupPlace } from './cleanup-place.ts';

const target = 'files' as TargetName;
// Later than the store's own times, which retention looks at too.
const firstNight = Date.now() + 86_400_000;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-chains-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const config = parseConfig(
  `store: { kind: file, path: ${folder}/vault }
encryption: { keys: none }
targets:
  - name: files
    engine: application
    connection: { path: ${folder}/app, chainLinks: 2 }
    backups: [{ tier: daily, method: incremental, schedule: "0 2 * * *", retention: 7d }]
`,
  { file: 'holdfast.yaml', directory: folder, environment: {} },
);

const nightOf = (day: number): Date => new Date(firstNight + day * 86_400_000);

const onDay = <Result>(day: number, work: (context: RunContext) => Promise<Result>): Promise<Result> =>
  withRunContext(
    { config, environment: {}, signal: new AbortController().signal, report: () => {}, clock: () => nightOf(day) },
    work,
  );

/** What a night's run does, as far as the store is concerned. */
const backUp = (day: number): Promise<Manifest> =>
  onDay(day, async (context) => {
    const { store, clock } = context;
    appendFileSync(join(folder, 'app', 'diary.txt'), `day ${day}\n`);
    const admission = await admitBackup(
      { config, store, clock, recorder: createRecorder({ store, catalog: undefined, warn: () => {} }) },
      {
        request: { target, method: 'incremental', tier: 'daily' },
        execution: `night-${day}`,
        startedAt: clock().toISOString(),
        redriveCount: 0,
      },
    );
    if (admission.verdict !== 'admitted') throw new Error(JSON.stringify(admission));
    return runBackup(context, admission.run).finally(() => releaseLeases(context, admission.run));
  });

/** The backups that are left after the cleanup of that day, by the night of each. */
const cleanUp = (day: number, nights: ReadonlyMap<BackupId, number>): Promise<readonly (number | undefined)[]> =>
  onDay(day, async ({ store }) => {
    const place = cleanupPlace(store, { config, now: nightOf(day) });
    await place.cleanUp(`cleanup-${day}`);
    const manifests = (await place.keys('backups/')).filter((key) => key.endsWith('/manifest.json'));
    return manifests.map((key) => nights.get(key.split('/')[2] as BackupId));
  });

test('an incremental tree is kept with all that it builds on, and goes when the last that needs it goes', async () => {
  for (const name of ['vault', 'app']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'app', 'large.bin'), Buffer.alloc(3_000_000, 'holdfast'));
  const taken: Manifest[] = [];
  for (const day of [0, 1, 2, 3, 4]) taken.push(await backUp(day));
  const nights = new Map(taken.map(({ backupId }, day) => [backupId, day]));
  const latest = taken[4];
  assert.ok(latest);

  const whileTheThirdIsKept = await cleanUp(8.5, nights);
  const whenItsTimeIsOver = await cleanUp(9.5, nights);
  const muchLater = await cleanUp(60, nights);
  await onDay(61, (context) =>
    runRestore(context, {
      recoveryId: newOperationId(context.clock()),
      ...{ backupId: latest.backupId, target, into: target, as: join(folder, 'copy'), replace: false },
      ...{ databases: null, schemas: null, tables: null, withDependencies: false, paths: null },
      ...{ point: null, timeline: null, folders: [], start: true, newIdentity: false },
      ...{
        onConflict: null,
        jobs: null,
        comparison: null,
        requestedBy: { kind: 'user' },
        execution: 'restore',
        tenant: null,
      },
      requestedAt: context.clock().toISOString(),
    }),
  );

  // Every third night begins a chain of its own.
  assert.deepEqual(
    taken.map(({ parent }) => (parent === null ? null : nights.get(parent))),
    [null, 0, 1, null, 3],
  );
  // The first two are past their week, and the third is not.
  assert.deepEqual(whileTheThirdIsKept, [0, 1, 2, 3, 4]);
  assert.deepEqual(whenItsTimeIsOver, [3, 4]);
  // All are past theirs: the newest is the last that there is, and needs the one before.
  assert.deepEqual(muchLater, [3, 4]);
  for (const file of ['diary.txt', 'large.bin'])
    assert.deepEqual(readFileSync(join(folder, 'copy', file)), readFileSync(join(folder, 'app', file)));
});
