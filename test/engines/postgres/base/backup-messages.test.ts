import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BackupMessages } from '../../../../lib/engines/postgres/base/backup-messages.ts';

type Part = { readonly name: string; readonly messages: readonly Uint8Array[] };

/** What comes out of the messages, each of them cut into pieces as the socket may cut it. */
function read(major: number, archives: number, feed: (messages: BackupMessages) => void): string[] {
  const parts: { readonly title: string; bytes: number[] }[] = [];
  const messages = new BackupMessages(
    { major, archives },
    {
      onPart: ({ kind, name = '' }) => parts.push({ title: `${kind} ${name}`, bytes: [] }),
      onBytes: (bytes) => parts.at(-1)?.bytes.push(...bytes),
    },
  );
  feed(messages);
  return parts.map(({ title, bytes }) => `${title}: ${Buffer.from(bytes).toString('hex')}`);
}

function send(messages: BackupMessages, payload: Buffer, cuts: readonly number[]): void {
  for (let at = 0, index = 0; at < payload.length; index++) {
    const end = Math.min(payload.length, at + (cuts[index % Math.max(1, cuts.length)] ?? payload.length));
    messages.onData(payload.subarray(at, end), { isFirst: at === 0, isLast: end === payload.length });
    at = end;
  }
}

const parts = fc.array(
  fc.record<Part>({
    name: fc.stringMatching(/^[0-9a-z]{1,8}\.tar$/),
    messages: fc.array(fc.uint8Array({ minLength: 1, maxLength: 30 }), { maxLength: 6 }),
  }),
  { minLength: 1, maxLength: 5 },
);
const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 8 });
const hex = (messages: readonly Uint8Array[]): string => Buffer.concat(messages).toString('hex');

test('archives and manifest come apart by the types of their messages, wherever those are cut', () => {
  fc.assert(
    fc.property(parts, fc.array(fc.uint8Array({ minLength: 1 }), { maxLength: 4 }), cuts, (archives, manifest, at) => {
      const found = read(15, archives.length, (messages) => {
        messages.onCopyBegin();
        for (const { name, messages: data } of archives) {
          send(messages, Buffer.from(`n${name}\0/a place\0`), at);
          for (const bytes of data) {
            send(messages, Buffer.concat([Buffer.from('d'), bytes]), at);
            send(messages, Buffer.from('p\0\0\0\0\0\0\0\x01'), at);
          }
        }
        send(messages, Buffer.from('m'), at);
        for (const bytes of manifest) send(messages, Buffer.concat([Buffer.from('d'), bytes]), at);
      });

      assert.deepEqual(found, [
        ...archives.map(({ name, messages }) => `archive ${name}: ${hex(messages)}`),
        `manifest : ${hex(manifest)}`,
      ]);
    }),
    { numRuns: 500 },
  );
});

test('before version 15 each archive is a copy, and the last copy is the manifest', () => {
  const found = read(14, 2, (messages) => {
    for (const text of ['one', 'two', '{}']) {
      messages.onCopyBegin();
      send(messages, Buffer.from(text), [2]);
    }
  });

  assert.deepEqual(found, ['archive : 6f6e65', 'archive : 74776f', 'manifest : 7b7d']);
});

test('a message of a type that is not known ends the reading', () => {
  assert.throws(() => read(18, 1, (messages) => send(messages, Buffer.from('x?'), [])), { code: 'dump-failed' });
});
