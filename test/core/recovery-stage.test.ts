import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recoveryStage } from '../../lib/core/journal.ts';

const operation = '20261122T090000Z-1a2b3c4d';

test("a recovery's journal says by its keys alone that it waits, and since when it runs", () => {
  assert.deepEqual(recoveryStage(`journal/${operation}/012-recovery-approval-awaited-20261122T090001234Z.json`), {
    ...{ operation, stage: 'waits', at: '2026-11-22T09:00:01.234Z' },
  });
  assert.deepEqual(recoveryStage(`journal/${operation}/020-recovery-begun-20261122T093000000Z.json`), {
    ...{ operation, stage: 'runs', at: '2026-11-22T09:30:00.000Z' },
  });
  assert.equal(recoveryStage(`journal/${operation}/020-backup-begun-20261122T093000000Z.json`), undefined);
  assert.equal(recoveryStage(`journal/${operation}/030-recovery-ended-20261122T093000000Z.json`), undefined);
});
