import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LifecycleRule } from 'aws-cdk-lib/aws-s3';
import fc from 'fast-check';
import { lifecycleRules } from '../../lib/constructs/vault-lifecycle.ts';
import { expiredTags, tagsOf } from '../../lib/core/object-tags.ts';

const rules = lifecycleRules([7, 365, 2557, 7], '').map((rule) => ({
  id: rule.id,
  moves: rule.transitions?.map(({ storageClass, transitionAfter }) => [storageClass.value, transitionAfter?.toDays()]),
}));
const of = (id: string): (typeof rules)[number] | undefined => rules.find((rule) => rule.id === id);

/** After how many days S3 removes the current version of an object: the soonest of the rules that fit it. */
function expiresAfter(all: readonly LifecycleRule[], key: string, tags: Readonly<Record<string, string>>): number {
  const fitting = all.filter(
    ({ prefix = '', tagFilters = {} }) =>
      key.startsWith(prefix) && Object.entries(tagFilters).every(([name, value]) => tags[name] === value),
  );
  return Math.min(...fitting.map(({ expiration }) => expiration?.toDays() ?? Number.POSITIVE_INFINITY));
}

test('S3 never removes what a manifest names, or a manifest, whatever is configured and however old it is', () => {
  const days = fc.integer({ min: 1, max: 36_500 });
  const keys = fc.constantFrom(
    'backups/orders/20261121T020000Z-9f3c2a1b/manifest.json',
    'backups/orders/20261121T020000Z-9f3c2a1b/a1b2/orders.00000',
    'journal/20261121T020000Z-9f3c2a1b/030-backup-completed-20261121T020500000Z.json',
    'leases/orders/logical.json',
    'in-use/orders/20261121T020000Z-9f3c2a1b/r.json',
  );
  fc.assert(
    fc.property(fc.array(days), days, keys, fc.constantFrom('', 'holdfast/'), (configured, written, key, prefix) => {
      const all = lifecycleRules(configured, prefix);

      // Tags as writers give them, of a retention that may be configured no longer.
      for (const tags of [{}, tagsOf('data', written), tagsOf('manifest', written)])
        assert.equal(expiresAfter(all, prefix + key, tags), Number.POSITIVE_INFINITY);
    }),
  );
});

test('what a cleanup had to leave to S3 goes at once, when no lock keeps it any more', () => {
  const key = 'holdfast/backups/orders/20261121T020000Z-9f3c2a1b/a1b2/orders.00000';

  assert.equal(expiresAfter(lifecycleRules([7], 'holdfast/'), key, expiredTags), 1);
});

test('a version that was hidden or replaced can be brought back for a month', () => {
  const rule = lifecycleRules([7], '').find(({ id }) => id === 'replaced-and-expired-versions');

  assert.deepEqual([rule?.noncurrentVersionExpiration?.toDays(), rule?.expiration], [30, undefined]);
});

test('data moves to a colder class only when it stays there long enough to be worth it', () => {
  assert.equal(of('data-kept-7-days'), undefined);
  assert.deepEqual(of('data-kept-365-days')?.moves, [
    ['STANDARD_IA', 30],
    ['GLACIER_IR', 90],
  ]);
});

test('nothing moves to Infrequent Access before the 30 days that S3 demands, nor to a class that has to thaw', () => {
  const moves = rules.flatMap((rule) => rule.moves ?? []);

  assert.deepEqual(
    moves.filter(
      ([storageClass, days]) => Number(days) < 30 || !['STANDARD_IA', 'GLACIER_IR'].includes(String(storageClass)),
    ),
    [],
  );
});

test('a retention that many targets share is one rule', () => {
  assert.equal(lifecycleRules([365, 365], '').filter(({ id }) => id === 'data-kept-365-days').length, 1);
});

test('rules are below the prefix of the store', () => {
  const prefixes = lifecycleRules([365], 'holdfast/').map(({ prefix }) => prefix);

  assert.deepEqual(prefixes.slice(2), [
    'holdfast/leases/',
    'holdfast/services/',
    'holdfast/health/',
    'holdfast/alerts/',
    'holdfast/backups/',
    'holdfast/idempotency/',
    'holdfast/backups/',
  ]);
});
