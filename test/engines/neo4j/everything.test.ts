import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { neo4jEngine } from '../../../lib/engines/neo4j/neo4j-engine.ts';
import { type Neo4jServer, neo4jServer } from '../../servers/neo4j.ts';
import { capture, planned, type Saved } from '../saved-streams.ts';
import { createEverything } from './everything.ts';
import { contextFor, cypherShell } from './run-engine.ts';

const engine = neo4jEngine();

suite('a graph with everything in it', { concurrency: false }, () => {
  let server: Neo4jServer;
  let saved: Saved;
  let shown: unknown[][];

  /** What the server itself says of all that a comparison of ours looks at, by other means. */
  const show = async (): Promise<unknown[][]> => [
    ...(await server.run(
      'MATCH (n) RETURN labels(n), keys(n), [k IN keys(n) | toStringOrNull(n[k])] ORDER BY labels(n), n.n, n.id, n.name',
    )),
    ...(await server.run(
      'MATCH (a)-[r]->(b) RETURN labels(a), labels(b), type(r), keys(r) ORDER BY type(r), r.n, r.since, a.n, b.n',
    )),
    ...(await server.run('SHOW CONSTRAINTS YIELD name, type, entityType, labelsOrTypes, properties')),
    ...(await server.run(
      'SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, indexProvider, options, state',
    )),
  ];

  before(async () => {
    server = await neo4jServer();
    await createEverything(server);
    shown = await show();
    using context = contextFor(server);
    const found = (await capture(engine, context, { method: 'logical', format: 'cypher' })).get('neo4j');
    assert.ok(found);
    saved = found;
  });
  after(() => server?.[Symbol.asyncDispose]());

  test('is captured as one state, kind by kind', () => {
    assert.equal(saved.record.error, undefined);
    assert.equal(saved.record.facts['consistency'], 'one state');
    assert.deepEqual(
      saved.record.content?.tables.map(({ schema, name, rows }) => [schema, name, rows]),
      [
        ['node', '(no label)', 2],
        ['node', 'A', 2],
        ['node', 'A:B', 2],
        ['node', 'Everything', 1],
        ['node', 'Person', 3000],
        ['node', "`; DROP`:`\\u005cu0041`:`a b`:`back\\u005cslash`:`it's`:`line\\u000afeed`:`with ``quotes```:世界", 1],
        ['relationship', 'KNOWS', 5],
        ['relationship', 'NEXT', 3000],
        ['relationship', '`odd ``type``\\u000a\\u005cu0041`', 1],
      ],
    );
    assert.deepEqual(saved.record.content?.definitions?.counts, {
      CONSTRAINT: 3,
      'FULLTEXT INDEX': 2,
      'LOOKUP INDEX': 2,
      'POINT INDEX': 1,
      'RANGE INDEX': 4,
      'TEXT INDEX': 1,
      'VECTOR INDEX': 1,
    });
  });

  test('is the same to a parser of the script', async () => {
    using context = contextFor(server);

    const content = await engine.inspect(saved.record, planned(saved, '').open(), context);

    assert.deepEqual(content, saved.record.content);
  });

  test('comes back by a restore of ours, and nothing of the restore stays', async () => {
    await server.clear();
    using context = contextFor(server);

    const { restored } = await engine.restore(context, {
      streams: [planned(saved, 'neo4j')],
      replace: false,
      source: {},
    });

    assert.deepEqual(
      restored.map(({ comparison }) => comparison.differences),
      [[]],
    );
    assert.deepEqual(await show(), shown);
    const comparison = await engine.compare(context, saved.record, 'neo4j');
    assert.deepEqual(comparison.differences, []);
    assert.equal(comparison.itemsCompared, 6014);
  });

  test('comes back by cypher-shell, but for byte arrays, which have no literal', async () => {
    await server.clear();
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-script-'));
    try {
      writeFileSync(path.join(folder, 'social.cypher'), saved.bytes);
      await cypherShell(server, path.join(folder, 'social.cypher'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }

    assert.deepEqual(await show(), shown);
    using context = contextFor(server);
    const asLists = await engine.compare(context, saved.record, 'neo4j');
    assert.deepEqual(asLists.differences, [
      "nodes 'Everything' has other content in its 1 elements",
      "relationships '`odd ``type``\\u000a\\u005cu0041`' has other content in its 1 elements",
    ]);
    for (const kind of ['MATCH (x:Everything)', 'MATCH ()-[x]->(:Everything)'])
      await server.run(`${kind} SET x.bytes = $bytes, x.noBytes = $none`, {
        bytes: Int8Array.from([0, 1, -1, 127, -128]),
        none: new Int8Array(0),
      });
    const asBytes = await engine.compare(context, saved.record, 'neo4j');
    assert.deepEqual(asBytes.differences, []);
  });
});
