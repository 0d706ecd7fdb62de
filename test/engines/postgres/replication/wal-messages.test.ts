import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { statusMessage, WalMessages } from '../../../../lib/engines/postgres/replication/wal-messages.ts';

function walData(at: bigint, end: bigint, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(25);
  header.write('w');
  header.writeBigUInt64BE(at, 1);
  header.writeBigUInt64BE(end, 9);
  return Buffer.concat([header, bytes]);
}

function keepalive(end: bigint, isReplyWanted: boolean): Buffer {
  const message = Buffer.alloc(18);
  message.write('k');
  message.writeBigUInt64BE(end, 1);
  message[17] = isReplyWanted ? 1 : 0;
  return message;
}

test('WAL comes out whole and in its place, wherever messages are cut', () => {
  const payload = fc.uint8Array({ minLength: 1, maxLength: 60 });
  const lengths = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(fc.array(fc.tuple(payload, fc.boolean()), { maxLength: 10 }), lengths, (sent, cuts) => {
      const received: number[] = [];
      let wanted = 0;
      const messages = new WalMessages({
        onWal: (bytes, at) => {
          assert.equal(at, 0x16_0000_0000n + BigInt(received.length));
          assert.notEqual(bytes.length, 0);
          received.push(...bytes);
        },
        onReplyWanted: () => {
          wanted += 1;
        },
      });
      let at = 0x16_0000_0000n;
      for (const [index, [bytes, isReplyWanted]] of sent.entries()) {
        for (const message of [walData(at, at + 5n, bytes), keepalive(at + 7n, isReplyWanted)]) {
          let offset = 0;
          for (let cut = 0; offset < message.length; cut++) {
            const next = offset + (cuts[(index + cut) % cuts.length] ?? 1);
            messages.write(message.subarray(offset, next), offset === 0);
            offset = next;
          }
        }
        at += BigInt(bytes.length);
      }
      assert.deepEqual(
        received,
        sent.flatMap(([bytes]) => [...bytes]),
      );
      assert.equal(wanted, sent.filter(([, isReplyWanted]) => isReplyWanted).length);
    }),
    { numRuns: 500 },
  );
});

test('what is neither WAL nor a keepalive is refused', () => {
  const messages = new WalMessages({ onWal: () => {}, onReplyWanted: () => {} });
  assert.throws(() => messages.write(Buffer.from('x'), true), /a message of kind 120 is none of a stream of WAL/);
});

test('a status says what was received and what is durable, in the form of the protocol', () => {
  const message = statusMessage({
    received: 0x16_b374_d848n,
    durable: 0x16_b374_0000n,
    now: new Date('2000-01-01T00:00:01Z'),
  });
  assert.equal(message.toString('hex'), '7200000016b374d84800000016b3740000000000000000000000000000000f424000');
});
