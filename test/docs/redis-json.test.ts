import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { jsonFormat } from '../../lib/engines/redis/formats/json-format.ts';
import { ContentDigest } from '../../lib/engines/redis/keys/content-digest.ts';
import { redisEngine } from '../../lib/engines/redis/redis-engine.ts';
import { fillWithEverything } from '../engines/redis/everything.ts';
import { contextFor } from '../engines/redis/run-engine.ts';
import { capture } from '../engines/saved-streams.ts';
import { redisServer } from '../servers/redis.ts';

const document = await readFile(new URL('../../docs/redis-json.md', import.meta.url), 'utf8');
const [example = '', schema = ''] = [...document.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(
  ([, block]) => block ?? '',
);
const isValid = new Ajv2020({ strict: false }).compile(JSON.parse(schema));

const linesOf = (text: string): string[] => text.split('\n').slice(0, -1);

function assertValid(lines: readonly string[]): void {
  for (const line of lines)
    assert.ok(isValid(JSON.parse(line)), `${line.slice(0, 200)}: ${JSON.stringify(isValid.errors)}`);
}

test('every line of an export of every type is valid against the documented schema', async () => {
  await using server = await redisServer('redis-8');
  await fillWithEverything(server, 'redis-8');
  using context = contextFor(server);

  const all = await capture(redisEngine(), context, { method: 'snapshot', format: 'json' });

  const lines = linesOf(String(all.get('server')?.bytes));
  assert.equal(lines.length, 38);
  assertValid(lines);
});

test('the example is valid, and is read as what it says', () => {
  assertValid(linesOf(example));
  const digest = new ContentDigest();
  const reader = jsonFormat.reader(digest);
  reader.write(Buffer.from(example));
  reader.end();

  const { tables, definitions } = digest.content();
  assert.deepEqual(
    tables.map(({ schema: database, name, rows }) => `${database} ${name} ${rows}`),
    ['db0 hash, expiring 1', 'db0 list, expiring 1', 'db3 string 1'],
  );
  assert.equal(definitions?.counts['function library'], 1);
});

test('the schema refuses what the reader would', () => {
  for (const line of [
    '{}',
    '{"db":0,"key":"a","type":"string"}',
    '{"db":0,"key":"a","type":"list","value":"x"}',
    '{"end":true}',
  ])
    assert.equal(isValid(JSON.parse(line)), false, line);
});
