import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProgressMeter } from '../../lib/pipeline/progress-meter.ts';

function meterWith(expectedBytes: number) {
  const clock = { seconds: 100 };
  return { clock, meter: new ProgressMeter({ expectedBytes, now: () => clock.seconds }) };
}

test('rate and estimate follow from what went through', () => {
  const { clock, meter } = meterWith(1000);
  clock.seconds = 104;

  const progress = meter.update(200);

  assert.deepEqual(progress, {
    bytes: 200,
    expectedBytes: 1000,
    bytesPerSecond: 50,
    elapsedSeconds: 4,
    remainingSeconds: 16,
  });
});

test('the rate is that of the last ten seconds', () => {
  const { clock, meter } = meterWith(100_000);
  for (let second = 1; second <= 20; second++) {
    clock.seconds += 1;
    meter.update(second * 100);
  }
  for (let second = 1; second <= 9; second++) {
    clock.seconds += 1;
    meter.update(2000 + second * 10);
  }
  clock.seconds += 1;

  assert.equal(meter.update(2100).bytesPerSecond, 10);
});

test('there is a rate before there is an estimate', () => {
  const { clock, meter } = meterWith(1000);
  clock.seconds += 1;

  const { bytesPerSecond, remainingSeconds } = meter.update(100);

  assert.deepEqual([bytesPerSecond, remainingSeconds], [100, undefined]);
});

test('there is no estimate before anything came, nor beyond what was expected', () => {
  const { clock, meter } = meterWith(1000);

  assert.equal(meter.update(0).remainingSeconds, undefined);
  clock.seconds += 1;
  assert.equal(meter.update(1200).remainingSeconds, undefined);
});
