import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lifecycleRules } from '../../lib/constructs/vault-lifecycle.ts';

const rules = lifecycleRules([7, 365, 2557, 7], '').map((rule) => ({
  id: rule.id,
  expires: rule.expiration?.toDays(),
  moves: rule.transitions?.map(({ storageClass, transitionAfter }) => [storageClass.value, transitionAfter?.toDays()]),
}));
const of = (id: string): (typeof rules)[number] | undefined => rules.find((rule) => rule.id === id);

test('lifecycle waits a month longer than a backup is to be kept', () => {
  assert.equal(of('manifests-kept-7-days')?.expires, 37);
  assert.equal(of('manifests-kept-2557-days')?.expires, 2587);
});

test('the manifest of a backup expires before its data, so that none names what is gone', () => {
  assert.equal(of('data-kept-7-days')?.expires, 40);
});

test('data moves to a colder class only when it stays there long enough to be worth it', () => {
  assert.deepEqual(of('data-kept-7-days')?.moves, []);
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

test('manifests stay where they are', () => {
  assert.equal(of('manifests-kept-365-days')?.moves, undefined);
});

test('a retention that many targets share is one rule', () => {
  assert.equal(rules.filter(({ id }) => id === 'data-kept-7-days').length, 1);
});

test('rules are below the prefix of the store', () => {
  const [, , leases, claims, manifests] = lifecycleRules([7], 'holdfast/');

  assert.deepEqual(
    [leases?.prefix, claims?.prefix, manifests?.prefix],
    ['holdfast/leases/', 'holdfast/idempotency/', 'holdfast/backups/'],
  );
});
