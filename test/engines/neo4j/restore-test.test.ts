import assert from 'node:assert/strict';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Assertion } from '../../../lib/core/assertions.ts';
import type { RestoreTestPlan } from '../../../lib/engines/engine.ts';
import { neo4jEngine } from '../../../lib/engines/neo4j/neo4j-engine.ts';
import { findNeo4j } from '../../../lib/engines/neo4j/tools.ts';
import { neo4jServer } from '../../servers/neo4j.ts';
import { capture, planned, type Saved } from '../saved-streams.ts';
import { contextFor } from './run-engine.ts';

const usualTmpdir = process.env['TMPDIR'];
const leftovers = () => globSync('holdfast-test-*', { cwd: tmpdir() });

suite('testing a backup of Neo4j by restoring it', { concurrency: false }, () => {
  let saved: Saved;
  let binDir: string;
  const engine = neo4jEngine({ findTools: (atLeast) => findNeo4j(atLeast, { folders: [binDir], elsewhere: [] }) });

  before(async () => {
    // Other tests have test servers too, at the same time.
    process.env['TMPDIR'] = mkdtempSync(path.join(tmpdir(), 'hf-'));
    await using server = await neo4jServer();
    ({ binDir } = server);
    await server.run('CREATE CONSTRAINT item_id FOR (n:Item) REQUIRE n.id IS UNIQUE');
    await server.run('UNWIND range(1, 500) AS id CREATE (:Item {id: id, placed: datetime.realtime()})');
    using context = contextFor(server);
    const found = (await capture(engine, context, { method: 'logical', format: 'cypher' })).get('neo4j');
    assert.ok(found);
    saved = found;
  });
  after(() => {
    rmSync(tmpdir(), { recursive: true });
    if (usualTmpdir === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = usualTmpdir;
  });

  const planOf = (over: Partial<RestoreTestPlan> = {}): RestoreTestPlan => ({
    source: { serverVersion: '5.26.30', edition: 'community' },
    streams: [planned(saved, 'neo4j')],
    options: { heapMiB: 512, pageCacheMiB: 64 },
    assertions: [],
    assertionTimeoutSeconds: 60,
    onRestored: () => {},
    ...over,
  });
  const nowhere = { host: '127.0.0.1', port: 1, user: 'neo4j', password: '' };
  const testIt = async (plan: RestoreTestPlan, signal?: AbortSignal) => {
    using context = contextFor(nowhere, { ...(signal && { signal }) });
    return await engine.restoreTest(context, plan);
  };

  test('a good backup is restored, compared and asked, and the server is gone afterwards', async () => {
    const assertions: Assertion[] = [
      { name: 'items', database: 'neo4j', cypher: 'MATCH (n:Item) RETURN count(n)', expect: { equals: 500 } },
      { name: 'fresh', database: 'neo4j', cypher: 'MATCH (n:Item) RETURN max(n.placed)', expect: { withinHours: 1 } },
      {
        name: 'rows',
        database: 'neo4j',
        cypher: 'MATCH (n:Item) WHERE n.id < 3 RETURN n.id, labels(n)[0], n.id = 1 ORDER BY n.id',
        expect: {
          rows: [
            [1, 'Item', true],
            [2, 'Item', false],
          ],
        },
      },
      // What does not hold, writes, cannot be asked or is of another database is a problem.
      { name: 'more', database: 'neo4j', cypher: 'MATCH (n:Item) RETURN count(n)', expect: { min: 501 } },
      { name: 'writes', database: 'neo4j', cypher: 'CREATE (n:Item) RETURN 1', expect: { equals: 1 } },
      { name: 'typo', database: 'neo4j', cypher: 'MATCH (n:Item RETURN 1', expect: { equals: 1 } },
      { name: 'elsewhere', database: 'other', cypher: 'RETURN 1', expect: { equals: 1 } },
    ];

    const result = await testIt(planOf({ assertions }));

    assert.deepEqual(
      result.problems.map(({ code, message }) => [code, message.slice(0, 70)]),
      [
        ['assertion-failed', "assertion 'elsewhere': the backup holds no database 'other'"],
        ['assertion-failed', "assertion 'more': expected at least 501, found '500'"],
        ['assertion-failed', "assertion 'writes': could not be asked: Writing in read access mode no"],
        ['assertion-failed', "assertion 'typo': could not be asked: Invalid input 'RETURN': expected"],
      ],
    );
    assert.equal(`${result.server} ${result.serverVersion}`, 'Neo4j 5.26.30');
    assert.deepEqual(
      result.restored.map(({ database, comparison }) => [database, comparison.same, comparison.itemsCompared]),
      [['neo4j', true, 500]],
    );
    assert.deepEqual(leftovers(), []);
  });

  test('a backup that does not hold what its manifest says fails, and nothing stays', async () => {
    const other = structuredClone(saved.record);
    const [items] = other.content?.tables ?? [];
    assert.ok(items);
    items.rows = 501;

    await assert.rejects(testIt(planOf({ streams: [{ ...planned(saved, 'neo4j'), record: other }] })), {
      code: 'comparison-failed',
    });

    assert.deepEqual(leftovers(), []);
  });

  test('where no Neo4j is that knows the backup, it is not testable', async () => {
    await assert.rejects(testIt(planOf({ source: { serverVersion: '2099.1.0' } })), { code: 'not-testable' });
  });

  test('a test that is stopped ends its server', async () => {
    const stop = new AbortController();
    const { open, ...stream } = planned(saved, 'neo4j');
    async function* stopping() {
      for await (const chunk of open()) {
        stop.abort();
        yield chunk;
      }
    }

    await assert.rejects(testIt(planOf({ streams: [{ ...stream, open: stopping }] }), stop.signal), {
      code: 'stopped',
    });

    assert.deepEqual(leftovers(), []);
  });
});
