import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PartQueue } from '../../../../lib/engines/postgres/base/part-queue.ts';

const mebibyte = Buffer.alloc(1024 * 1024, 7);

test('each part has its own bytes, in order, however many are read at once', async () => {
  const parts = fc.array(fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 5 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(parts, fc.boolean(), async (sent, isTogether) => {
      const queue = new PartQueue({ pause() {}, resume() {} });
      const read = async (part: number): Promise<number[]> => {
        const bytes: number[] = [];
        for await (const piece of queue.read(part)) bytes.push(...piece);
        return bytes;
      };
      const together = isTogether ? sent.map((_, part) => read(part)) : [];

      for (const pieces of sent) {
        queue.begin();
        for (const piece of pieces) {
          queue.push(Buffer.from(piece));
          await Promise.resolve();
        }
      }
      queue.end();

      const received: number[][] = [];
      for (const part of sent.keys()) received.push(await (together[part] ?? read(part)));
      assert.deepEqual(
        received,
        sent.map((pieces) => pieces.flatMap((piece) => [...piece])),
      );
    }),
  );
});

test('the source waits while more than a mebibyte lies unread, and goes on when half of that is read', async () => {
  const said: string[] = [];
  const queue = new PartQueue({ pause: () => said.push('pause'), resume: () => said.push('resume') });
  queue.begin();

  queue.push(mebibyte);
  queue.push(mebibyte);
  let unread = 2 * mebibyte.length;
  const atResume: number[] = [];
  for await (const bytes of queue.read(0)) {
    unread -= bytes.length;
    if (said.length === 2) atResume.push(unread);
    if (unread === 0) queue.end();
  }

  assert.deepEqual(said, ['pause', 'resume']);
  assert.equal(atResume[0], mebibyte.length / 2);
});

test('the source waits for many small parts, too, each of which takes more room than its bytes', async () => {
  const said: string[] = [];
  const queue = new PartQueue({ pause: () => said.push('pause'), resume: () => said.push('resume') });
  for (let part = 0; part < 40; part++) {
    queue.begin();
    queue.push(Buffer.from([part]));
  }
  queue.end();
  assert.deepEqual(said, ['pause']);

  for (let part = 0; part < 40; part++)
    for await (const bytes of queue.read(part)) assert.deepEqual([...bytes], [part]);

  assert.deepEqual(said, ['pause', 'resume']);
});

test('every reader hears of a failure, whatever lies unread', async () => {
  const queue = new PartQueue({ pause() {}, resume() {} });
  queue.begin();
  queue.push(mebibyte);
  const waiting = queue.read(1).next();

  queue.fail(new RangeError('the server went away'));

  await assert.rejects(waiting, RangeError);
  await assert.rejects(queue.read(0).next(), RangeError);
});
