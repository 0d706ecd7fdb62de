import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainPipeline } from '../../lib/pipeline/explain.ts';
import { pipelineSettings, zstdLevelOf } from '../../lib/pipeline/settings.ts';

test('settings that do not fit together are refused with every problem named', () => {
  const build = () => pipelineSettings({ level: 10, blockBytes: 3000, objectBytes: 10_000, partsInFlight: 0 });

  assert.throws(build, (error: Error) => {
    assert.match(error.message, /level '10' is not 1 to 9/);
    assert.match(error.message, /objectBytes '10000' is not a multiple of blockBytes '3000'/);
    assert.match(error.message, /partsInFlight '0'/);
    return true;
  });
});

test('the levels 1 to 9 become ever slower levels of zstd, and 3 stays 3', () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map(zstdLevelOf), [1, 2, 3, 5, 6, 8, 10, 12, 15]);
});

test('the memory formula multiplies out and does not know how long a stream is', () => {
  const { writing, totalBytes, lines } = explainPipeline(
    pipelineSettings({
      blockBytes: 4 * 1024 ** 2,
      blocksInFlight: 5,
      partBytes: 16 * 1024 ** 2,
      partsInFlight: 3,
      compression: 'gzip',
    }),
  );

  assert.deepEqual(
    writing.map(({ formula, bytes }) => [formula, bytes]),
    [
      ['6 blocks × 4 MiB', 25_165_824],
      ['6 frames × 4 MiB', 25_165_824],
      ['2 blocks × 4 MiB', 8_388_608],
      ['4 frames × 1 MiB', 4_194_304],
      ['4 parts × 16 MiB', 67_108_864],
    ],
  );
  assert.equal(totalBytes, 434_110_464);
  assert.ok(lines.some((line) => line.includes('4 parts × 16 MiB')));
});

test('the defaults stay below 400 MiB, and eight streams at once below half of the least memory of a task', () => {
  assert.ok(explainPipeline(pipelineSettings()).totalBytes < 400 * 1024 ** 2);
  assert.ok(explainPipeline(pipelineSettings(), 8).totalBytes < 1024 ** 3);
});
