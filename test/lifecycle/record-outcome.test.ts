import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifestKey } from '../../lib/core/object-keys.ts';
import { type BackupRun, backupRequestSchema } from '../../lib/core/requests.ts';
import { admitBackup } from '../../lib/lifecycle/admit-backup.ts';
import { recordOutcome } from '../../lib/lifecycle/record-outcome.ts';
import { lifecycle } from './fixtures.ts';

const failure = { code: 'manifest-unreadable', message: 'manifest is not JSON', hint: 'was it altered?' };

async function admitted(parts: Awaited<ReturnType<typeof lifecycle>>): Promise<BackupRun> {
  const request = backupRequestSchema.parse({ target: 'orders' });
  const admission = await admitBackup(parts, { request, execution: 'night', redriveCount: 0 });
  assert.equal(admission.verdict, 'admitted');
  return admission.run;
}

for (const [what, text] of [
  ['damaged', '{"formatVersion":1,'],
  ['of a newer Holdfast', '{"formatVersion":2}'],
] as const) {
  test(`a failure is recorded although the run's manifest is ${what}`, async () => {
    await using parts = await lifecycle();
    const run = await admitted(parts);
    await parts.store.put(manifestKey(run.target, run.backupId), Buffer.from(text));

    const recorded = await recordOutcome(parts, { run, failure });

    assert.equal(recorded.status, 'FAILED');
    const event = parts.recorded.at(-1);
    assert.deepEqual(event?.event === 'backup-failed' && event.error, failure);
  });
}

test('a success is not recorded when the manifest cannot be read', async () => {
  await using parts = await lifecycle();
  const run = await admitted(parts);
  await parts.store.put(manifestKey(run.target, run.backupId), Buffer.from('{'));

  await assert.rejects(recordOutcome(parts, { run }), { name: 'manifest-unreadable' });
});
