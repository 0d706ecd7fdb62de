import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scriptContent } from '../../../../lib/engines/neo4j/inspect.ts';
import { ScriptWriter } from '../../../../lib/engines/neo4j/script/script-writer.ts';

function script(definitions: readonly string[] = []): string {
  const writer = new ScriptWriter();
  writer.begin('neo4j');
  writer.node(0, ['B', 'A'], "{`name`:'Ada'}");
  writer.node(1, [], '{}');
  writer.relationship({ start: 0, end: 1 }, 'KNOWS', '{`since`:1}');
  writer.define(definitions);
  writer.end();
  return writer.take()?.toString() ?? '';
}

const read = (text: string) => {
  async function* bytes() {
    // Every character may be split from the next.
    for (const byte of Buffer.from(text)) yield Uint8Array.of(byte);
  }
  return scriptContent(bytes(), { signal: new AbortController().signal, scratch: '' });
};

test('a script is statements for cypher-shell, one row a line', () => {
  assert.equal(
    script(['CREATE RANGE INDEX `i` FOR (n:`A`) ON (n.`name`)']),
    [
      '// Holdfast Cypher script, version 1',
      "// database 'neo4j'",
      'CREATE CONSTRAINT `holdfast-node-id` FOR (n:`holdfast-node`) REQUIRE n.`holdfast-id` IS UNIQUE;',
      'CALL db.awaitIndexes(86400);',
      'UNWIND [',
      "[0,{`name`:'Ada'}]",
      '] AS row CREATE (n:`holdfast-node`:`A`:`B` {`holdfast-id`:row[0]}) SET n += row[1];',
      'UNWIND [',
      '[1,{}]',
      '] AS row CREATE (n:`holdfast-node` {`holdfast-id`:row[0]}) SET n += row[1];',
      'UNWIND [',
      '[0,1,{`since`:1}]',
      '] AS row MATCH (a:`holdfast-node` {`holdfast-id`:row[0]}) MATCH (b:`holdfast-node` {`holdfast-id`:row[1]}) CREATE (a)-[r:`KNOWS`]->(b) SET r = row[2];',
      'MATCH (n:`holdfast-node`) CALL { WITH n REMOVE n:`holdfast-node`, n.`holdfast-id` } IN TRANSACTIONS OF 10000 ROWS;',
      'DROP CONSTRAINT `holdfast-node-id`;',
      'CREATE RANGE INDEX `i` FOR (n:`A`) ON (n.`name`);',
      'CALL db.awaitIndexes(86400);',
      '// Holdfast Cypher script complete: 2 nodes, 1 relationships, 1 definitions',
      '',
    ].join('\n'),
  );
});

test('a script says what it holds', async () => {
  const { tables, definitions } = await read(script(['CREATE RANGE INDEX `i` FOR (n:`A`) ON (n.`name`)']));

  assert.deepEqual(
    tables.map(({ schema, name, rows }) => [schema, name, rows]),
    [
      ['node', '(no label)', 1],
      ['node', 'A:B', 1],
      ['relationship', 'KNOWS', 1],
    ],
  );
  assert.deepEqual(definitions?.counts, { 'RANGE INDEX': 1 });
});

test('a script whose text was changed anywhere is refused, or says that it holds something else', async () => {
  const whole = script(['CREATE RANGE INDEX `i` FOR (n:`A`) ON (n.`name`)']);
  const before = JSON.stringify(await read(whole));
  // Labels and names that end in another way are other labels and names.
  for (let at = 0; at < whole.length; at++) {
    const changed = `${whole.slice(0, at)}~${whole.slice(at + 1)}`;
    const outcome = await read(changed).then(
      (content) => JSON.stringify(content),
      (error: { code: string }) => error.code,
    );
    if (at >= whole.indexOf("'neo4j'") && at <= whole.indexOf("'neo4j'") + 6) continue;
    assert.notEqual(outcome, before, `character ${at}`);
    assert.match(outcome, /^(corrupt|dump-incomplete|\{.*)$/);
  }
});

test('a script that holds another statement is refused: it would be run', async () => {
  const hostile = [
    script(['CREATE RANGE INDEX `i` FOR (n:`A`) ON (n.`name`); MATCH (n) DETACH DELETE n']),
    script(['MATCH (n) DETACH DELETE n']),
    script().replace('UNWIND [', 'MATCH (n) DETACH DELETE n;\nUNWIND ['),
    script().replace('SET n += row[1]', 'DETACH DELETE n'),
    script().replace("'Ada'", "'Ada'}],[2,{`x`:apoc.load()"),
    `${script()}MATCH (n) DETACH DELETE n;\n`,
  ];
  for (const text of hostile) await assert.rejects(read(text), { code: 'corrupt' });
});

test('a relationship of a node that is not there is refused', async () => {
  await assert.rejects(read(script().replace('[0,1,{', '[0,7,{')), { code: 'corrupt' });
});
