import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postgresEngine } from '../../../lib/engines/postgres/postgres-engine.ts';
import { postgresServer } from '../../servers/postgres.ts';
import { capture, planned } from '../saved-streams.ts';
import { createEverything, textDump } from './everything.ts';
import { contextFor, testTools } from './run-engine.ts';

const engine = postgresEngine({ findTools: testTools });
const name = `Ünï "q" '`;

for (const [major, format] of [
  [15, 'custom'],
  [17, 'custom'],
  [18, 'custom'],
  [15, 'sql'],
  [18, 'sql'],
] as const) {
  test(`all that PostgreSQL ${major} offers comes back identical from ${format}, roles and properties with it`, async () => {
    await using source = await postgresServer({ major });
    await using destination = await postgresServer({ major });
    await createEverything(source, name, major);
    using from = contextFor(source, { connection: { databases: [name] } });
    using to = contextFor(destination, { connection: { databases: [name] }, parallelJobs: 2 });

    const saved = await capture(engine, from, { method: 'logical', format });
    assert.deepEqual(
      [...saved.values()].map(({ record }) => record.error),
      [undefined, undefined],
    );
    const streams = [...saved].map(([stream, one]) => planned(one, stream));
    const { restored } = await engine.restore(to, { streams, replace: false, source: {} });

    assert.deepEqual(
      restored.flatMap(({ comparison }) => comparison.differences),
      [],
    );
    assert.equal(firstDifference(await textDump(destination, name), await textDump(source, name)), undefined);
  });
}

for (const [older, newer] of [
  [15, 17],
  [17, 18],
  [15, 18],
] as const) {
  test(`all that PostgreSQL ${older} offers comes back on ${newer} with the same rows and as many objects`, async () => {
    await using source = await postgresServer({ major: older });
    await using destination = await postgresServer({ major: newer });
    await createEverything(source, name, older);
    using from = contextFor(source, { connection: { databases: [name] } });
    using to = contextFor(destination, { connection: { databases: [name] } });

    const saved = await capture(engine, from);
    const streams = [...saved].map(([stream, one]) => planned(one, stream));
    const { restored } = await engine.restore(to, { streams, replace: false, source: {} });

    assert.deepEqual(
      restored.flatMap(({ comparison }) => comparison.differences),
      [],
    );
    assert.deepEqual(restored.at(-1)?.comparison.remarks, [
      'definitions were compared by their numbers only, because the two servers are of different major versions',
    ]);
  });
}

/** The first line at which two scripts part, with the lines around it; the whole would be thousands of lines. */
function firstDifference(actual: readonly string[], expected: readonly string[]): string | undefined {
  const at = Array.from({ length: Math.max(actual.length, expected.length) }).findIndex(
    (_, index) => actual[index] !== expected[index],
  );
  if (at === -1) return undefined;
  const around = (lines: readonly string[]) => lines.slice(Math.max(at - 5, 0), at + 5).join('\n');
  return `line ${at + 1}:\n${around(actual)}\n--- instead of ---\n${around(expected)}`;
}
