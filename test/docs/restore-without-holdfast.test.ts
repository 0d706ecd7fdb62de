import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { allEngines } from '../../lib/engines/open-engine.ts';

const document = readFileSync(new URL('../../docs/restore-without-holdfast.md', import.meta.url), 'utf8');

test('the commands know every format in which a stream is stored by the name of its file', () => {
  const named = JSON.parse(/\(({"tar": [^}]*})\[\.format\]/.exec(document)?.[1] ?? '{}') as Record<string, string>;
  const ruled = (format: string): boolean => /^(pg_dump|redis-)/.test(format);

  const formats = allEngines().flatMap(({ files }) => Object.keys(files));
  const unknown = formats.filter((format) => !ruled(format) && !(format in named));

  assert.deepEqual(unknown, []);
  assert.ok(formats.length >= 12, String(formats));
});
