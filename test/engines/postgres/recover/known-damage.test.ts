import assert from 'node:assert/strict';
import { test } from 'node:test';
import { knownDamage } from '../../../../lib/engines/postgres/recover/known-damage.ts';

const reason = 'is damaged';
const omissions = (...items: readonly string[]) => ({
  count: items.length,
  listed: items.map((item) => ({ item, reason })),
});

test('what is found in a file of which the backup names a damaged page was damaged on the source, wherever the cluster lies now', () => {
  const isKnown = knownDamage(
    omissions(
      'block 3 of orders.public.item (base/5/16387.2)',
      'block 0 of "Or (ders)".stock.price (pg_tblspc/16384/PG_15_202209061/16385/16388)',
      'block 1 of /srv/fast/PG_15_202209061/16385/16399',
      'block 7 of global/2396_fsm',
    ),
  );
  const findings = [
    "database 'orders': table public.item: invalid page in block 262147 of relation base/5/16387",
    'database \'orders\': index public.item_id: invalid page in block 9 of relation "base/5/16387"',
    'checksum verification failed in file "/srv/base/5/copy/base/5/16387.2", block 3: calculated checksum AB20',
    'checksum verification failed in file "/srv/copy/pg_tblspc/16384/PG_15_202209061/16385/16388", block 0: calculated',
    'table stock.old: invalid page in block 1 of relation pg_tblspc/16384/PG_15_202209061/16385/16399',
    'checksum verification failed in file "/srv/copy/global/2396_fsm", block 7: calculated checksum AB20',
  ];

  assert.deepEqual(findings.map(isKnown), [true, true, true, true, true, true]);
});

test('what is found elsewhere, or is no page that cannot be read, is the damage of the copy', () => {
  const isKnown = knownDamage(omissions('block 3 of orders.public.item (base/5/16387)'));
  const findings = [
    'table public.item: invalid page in block 3 of relation base/6/16387',
    'table public.item: invalid page in block 3 of relation base/5/163870',
    'checksum verification failed in file "/srv/copy/base/5/6387", block 3: calculated checksum AB20',
    'table public.item: block 3: tuple has invalid number of attributes',
    'index public.item_id: item order invariant violated for index "item_id" of base/5/16387',
  ];

  assert.deepEqual(findings.map(isKnown), [false, false, false, false, false]);
  assert.equal(knownDamage(undefined)('invalid page in block 3 of relation base/5/16387'), false);
});

test('damage that has no name may be any page', () => {
  const isKnown = knownDamage(omissions('a page'));

  assert.equal(isKnown('invalid page in block 3 of relation base/5/16387'), true);
  assert.equal(isKnown('table public.item: block 3: tuple has invalid number of attributes'), false);
});
