import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backupIdSchema, targetNameSchema } from '../../lib/core/ids.ts';
import { outcomeSchema } from '../../lib/core/outcome.ts';
import { readBackCommand } from '../../lib/core/read-back-command.ts';

const run = {
  backupId: backupIdSchema.parse('20261121T020000Z-9f3c2a1b'),
  target: targetNameSchema.parse('orders'),
  into: targetNameSchema.parse('orders'),
  schemas: null,
  tables: null,
  paths: null,
  onConflict: null,
};
const restored = (...databases: readonly object[]) =>
  outcomeSchema.shape.restore.unwrap().parse({
    restoredBytes: 1,
    databases: databases.map((one) => ({
      ...{ from: 'shop', to: 'shop copy', same: true, tables: 1, rows: 1, differences: [], remarks: [] },
      ...one,
    })),
  });
/** The command for the first of the copies. */
function commandFor(
  outcome: ReturnType<typeof restored>,
  over: Partial<Parameters<typeof readBackCommand>[0]> = {},
): string | undefined {
  const [first] = outcome.databases;
  assert.ok(first);
  return readBackCommand({ ...run, ...over }, outcome, first);
}

test('a copy that was not read back can be by a command that a shell takes as it stands', () => {
  assert.equal(
    commandFor(restored({ proof: 'loaded' })),
    "holdfast compare 20261121T020000Z-9f3c2a1b --database shop --with 'shop copy'",
  );
  assert.equal(
    commandFor(restored({ proof: 'loaded', to: "it's" }), {
      into: targetNameSchema.parse('spare'),
    }),
    String.raw`holdfast compare 20261121T020000Z-9f3c2a1b --into spare --database shop --with 'it'\''s'`,
  );
});

test('nothing is said of a copy that was read back, had nothing to read, was merged, or came out of a whole server', () => {
  const reached = { timeline: 2, position: '0/4000080', at: null };

  assert.equal(commandFor(restored({ proof: 'compared' })), undefined);
  assert.equal(commandFor(restored({})), undefined);
  assert.equal(commandFor(restored({ proof: 'loaded' }), { onConflict: 'skip' }), undefined);
  assert.equal(commandFor({ ...restored({ proof: 'loaded' }), reached }), undefined);
});

test('nothing is said of a part of a backup: a comparison would find that the rest is missing', () => {
  const loaded = restored({ proof: 'loaded' });

  assert.equal(commandFor(loaded, { schemas: ['db0'] }), undefined);
  assert.equal(commandFor(loaded, { paths: ['conf'] }), undefined);
});
