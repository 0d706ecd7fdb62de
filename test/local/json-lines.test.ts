import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as z from 'zod';
import { JsonLines } from '../../lib/local/json-lines.ts';

test('an unfinished last line is passed over, and does not spoil the line that is written after it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-lines-'));
  const file = join(folder, 'lines.jsonl');
  writeFileSync(file, '{"n":1}\n{"n":2');

  const lines = new JsonLines(file, z.object({ n: z.number() }));
  lines.append({ n: 3 });
  const found: number[] = [];
  for await (const { n } of lines.read()) found.push(n);
  rmSync(folder, { recursive: true });

  assert.deepEqual(found, [1, 3]);
});
