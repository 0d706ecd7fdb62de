import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CopyFrames } from '../../../../lib/engines/postgres/replication/copy-frames.ts';

type Message = { readonly code: string; readonly payload: Buffer };

const framed = ({ code, payload }: Message): Buffer => {
  const header = Buffer.alloc(5);
  header.write(code, 0, 'latin1');
  header.writeUInt32BE(payload.length + 4, 1);
  return Buffer.concat([header, payload]);
};

/** What came out, with the pieces of each CopyData message put together again. */
function read(chunks: readonly Buffer[]): { messages: Message[]; rest: Buffer | undefined } {
  const messages: Message[] = [];
  let pieces: Buffer[] = [];
  const frames = new CopyFrames({
    onData(piece, { isFirst, isLast }) {
      assert.notEqual(piece.length, 0, 'a piece is empty');
      assert.equal(isFirst, pieces.length === 0);
      pieces.push(piece);
      if (!isLast) return;
      messages.push({ code: 'd', payload: Buffer.concat(pieces) });
      pieces = [];
    },
    onMessage(message) {
      messages.push({ code: message.toString('latin1', 0, 1), payload: message.subarray(5) });
      return message[0] === 0x5a;
    },
  });
  let rest: Buffer | undefined;
  for (const chunk of chunks) {
    assert.equal(rest, undefined, 'something is read after the end');
    rest = frames.write(chunk);
  }
  return { messages, rest };
}

const message = fc.record(
  {
    code: fc.constantFrom('d', 'd', 'd', 'T', 'D', 'C', 'N', 'E'),
    payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  },
  { noNullPrototype: true },
);

describe('frames of a copy', () => {
  it('come out whole and in order, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 30 })), (sent, cuts) => {
        const end: Message = { code: 'Z', payload: Buffer.from('I') };
        const bytes = Buffer.concat([...sent, end].map(framed));
        const chunks: Buffer[] = [];
        let at = 0;
        for (let index = 0; at < bytes.length; index++) {
          const next = at + (cuts[index % Math.max(1, cuts.length)] ?? bytes.length);
          chunks.push(bytes.subarray(at, next));
          at = next;
        }
        const { messages, rest } = read(chunks);
        const expected = [...sent.filter(({ code, payload }) => code !== 'd' || payload.length > 0), end];
        assert.deepEqual(messages, expected);
        assert.equal(rest?.length, 0);
      }),
      { numRuns: 1000 },
    );
  });

  it('leave what follows the end to the next reader', () => {
    const after = framed({ code: 'N', payload: Buffer.from('later') });
    const { rest } = read([Buffer.concat([framed({ code: 'Z', payload: Buffer.from('I') }), after])]);
    assert.deepEqual(rest, after);
  });

  it('are refused when they are none of the protocol', () => {
    assert.throws(() => read([Buffer.from('HTTP/1.1 400 Bad Request')]), /none of the PostgreSQL protocol/);
  });
});
