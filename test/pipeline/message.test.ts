import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { encryptMessage } from '../../lib/pipeline/message.ts';
import { context, dataKey } from './pipeline-store.ts';

const object = { ...context, index: 0 };

/** As many chunks of 400 kB as are asked for, then `end`. */
async function* chunks(count: number, end: () => void): AsyncGenerator<Buffer> {
  for (let index = 0; index < count; index++) {
    yield Buffer.alloc(400_000, index);
    await turn();
  }
  end();
}

/** What a stream throws after it was left comes some turns later, and would end the process: the test runner reports it. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
}

for (const count of [0, 1, 30]) {
  test(`a source that fails after ${count} chunks fails the message, and not the process`, async () => {
    const failure = new Error('the source broke');
    const message = encryptMessage(
      chunks(count, () => {
        throw failure;
      }),
      dataKey,
      object,
    );

    await assert.rejects(Array.fromAsync(message), (error) => error === failure);
    await settle();
  });
}

test('a message that is left before its end ends its source, and not the process', async () => {
  let asked = 0;
  let isEnded = false;
  const source = chunks(1000, () => {});
  const counted = (async function* () {
    try {
      for await (const chunk of source) {
        asked += 1;
        yield chunk;
      }
    } finally {
      isEnded = true;
    }
  })();

  for await (const _ of encryptMessage(counted, dataKey, object)) break;
  await settle();

  assert.ok(isEnded, 'the source was not ended');
  assert.ok(asked < 100, `${asked} of 1000 chunks were read`);
});
