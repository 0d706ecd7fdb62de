import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCampaign } from './campaign.ts';
import { complaintOf, silentSuccesses } from './report.ts';

const seed = 20_261_121;

test('twenty runs with faults break no rule, and most of the faults happen', { timeout: 1_800_000 }, async () => {
  const results = await runCampaign({ seed, runs: Array.from({ length: 20 }, (_, run) => run) });

  const broken = results.filter(({ problems }) => problems.length > 0);
  assert.equal(broken.length, 0, broken.map((result) => complaintOf(result, seed)).join('\n'));
  assert.equal(silentSuccesses(results), 0);
  assert.equal(results.length, 20);
  assert.ok(results.filter(({ isInjected }) => isInjected).length >= 14);
  assert.ok(new Set(results.map(({ kind }) => kind)).size >= 10);
});
