import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HoldfastError } from '../../lib/core/errors.ts';
import { pipelineSettings } from '../../lib/pipeline/settings.ts';
import { type WriteStreamOptions, writeStream } from '../../lib/pipeline/write-stream.ts';
import type { Store } from '../../lib/store/store.ts';
import { context, dataKey, inChunks, keysIn, smallSettings, someBytes, withStore } from './pipeline-store.ts';

/** A source that tells whether it was ended. */
function watchedSource(bytes: AsyncIterable<Uint8Array>) {
  const state = { ended: false, chunks: 0 };
  const source = (async function* () {
    try {
      for await (const chunk of bytes) {
        state.chunks += 1;
        yield chunk;
      }
    } finally {
      state.ended = true;
    }
  })();
  return { state, source };
}

/** The store, but what `writePart` and `complete` do first is `before`. */
function interrupted(store: Store, before: (call: 'writePart' | 'complete', key: string) => Promise<void>): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name !== 'beginUpload') {
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (...args: Parameters<Store['beginUpload']>) => {
        const upload = await target.beginUpload(...args);
        return {
          key: upload.key,
          abort: () => upload.abort(),
          writePart: async (partNumber: number, body: Uint8Array) => {
            await before('writePart', upload.key);
            await upload.writePart(partNumber, body);
          },
          complete: async () => {
            await before('complete', upload.key);
            return await upload.complete();
          },
        };
      };
    },
  });
}

function options(store: Store, source: AsyncIterable<Uint8Array>): WriteStreamOptions {
  const settings = pipelineSettings({ ...smallSettings, blocksInFlight: 3, partsInFlight: 2 });
  return { store, keyOf: (index) => `data/main.${index}`, source, settings, dataKey, context };
}

test('a source that throws midway fails the write with its own error and leaves nothing', async () => {
  await withStore(async (store) => {
    const failure = new HoldfastError('dump-failed', 'the tool exited with 1');
    const { source, state } = watchedSource(
      (async function* () {
        yield* inChunks(someBytes(60_000));
        throw failure;
      })(),
    );

    const writing = writeStream(options(store, source));

    await assert.rejects(writing, (error) => error === failure);
    assert.equal(state.ended, true);
    assert.deepEqual(await keysIn(store), []);
  });
});

test('a source that throws at once fails the write with its own error', async () => {
  await withStore(async (store) => {
    const failure = new HoldfastError('source-unreachable', 'nobody there');
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(failure) }),
    };

    await assert.rejects(writeStream(options(store, source)), (error) => error === failure);
    assert.deepEqual(await keysIn(store), []);
  });
});

for (const failing of [1, 2, 5, 9, 12]) {
  test(`a store that fails at part ${failing} fails the write, ends the source and leaves nothing`, async () => {
    await withStore(async (store) => {
      const { source, state } = watchedSource(inChunks(someBytes(2_000_000)));
      const failure = new HoldfastError('disk-full', 'no space left');
      let parts = 0;
      const full = interrupted(store, async (call) => {
        if (call === 'writePart') parts += 1;
        if (parts >= failing) throw failure;
      });

      const writing = writeStream(options(full, source));

      await assert.rejects(writing, (error) => error === failure);
      assert.equal(state.ended, true);
      assert.ok(state.chunks < 300, `${state.chunks} of 2000 chunks were read`);
      assert.deepEqual(await keysIn(store), []);
    });
  });
}

test('an object that cannot be completed takes those before it along', async () => {
  await withStore(async (store) => {
    const failure = new HoldfastError('store-unavailable', 'gone');
    const failing = interrupted(store, async (call, key) => {
      if (call === 'complete' && key === 'data/main.2') throw failure;
    });

    const writing = writeStream(options(failing, inChunks(someBytes(100_000))));

    await assert.rejects(writing, (error) => error === failure);
    assert.deepEqual(await keysIn(store), []);
  });
});

test('a key that is taken is refused, and what is there stays', async () => {
  await withStore(async (store) => {
    await store.put('data/main.1', Buffer.from('of somebody else'));

    const writing = writeStream(options(store, inChunks(someBytes(40_000))));

    await assert.rejects(writing, { code: 'already-exists' });
    assert.deepEqual(await keysIn(store), ['data/main.1']);
  });
});

test('stopping ends the write even while the source owes an answer, and leaves nothing', async () => {
  await withStore(async (store) => {
    const stop = new AbortController();
    const reason = new HoldfastError('stopped', 'SIGTERM');
    let isTold = false;
    const bytes = someBytes(20_000);
    let asked = 0;
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          asked += 1;
          if (asked <= 20) return Promise.resolve({ done: false, value: bytes.subarray(asked * 900, asked * 1000) });
          stop.abort(reason);
          return new Promise(() => undefined);
        },
        return: () => {
          isTold = true;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    };

    const writing = writeStream({ ...options(store, source), signal: stop.signal });

    await assert.rejects(writing, (error) => error === reason);
    assert.equal(isTold, true);
    assert.deepEqual(await keysIn(store), []);
  });
});

test('stopping before the beginning writes nothing', async () => {
  await withStore(async (store) => {
    const writing = writeStream({ ...options(store, inChunks(someBytes(9000))), signal: AbortSignal.abort('no more') });

    await assert.rejects(writing, { code: 'stopped' });
    assert.deepEqual(await keysIn(store), []);
  });
});

test('a source is read no faster than the store takes its parts', async () => {
  await withStore(async (store) => {
    const { source, state } = watchedSource(inChunks(someBytes(1_000_000)));
    const held: (() => void)[] = [];
    let isOpen = false;
    let reached = () => {};
    const whenHeld = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const slow = interrupted(store, async (call) => {
      if (call !== 'writePart' || isOpen) return;
      await new Promise<void>((resolve) => {
        held.push(resolve);
        if (held.length === 2) reached();
      });
    });
    const peaks: { blocks: number; parts: number }[] = [];

    const writing = writeStream({ ...options(slow, source), onPeak: (peak) => peaks.push(peak) });
    await whenHeld;
    // Everything that can still move does so in far fewer turns than this.
    for (let turn = 0; turn < 2000; turn++) await new Promise((resolve) => setImmediate(resolve));
    const readWhileHeld = state.chunks;
    isOpen = true;
    for (const release of held) release();
    await writing;

    assert.ok(readWhileHeld < 60, `${readWhileHeld} of 1000 chunks were read`);
    assert.equal(state.chunks, 1000);
    assert.ok((peaks[0]?.blocks ?? 99) <= 4, `${peaks[0]?.blocks} blocks`);
    assert.ok((peaks[0]?.parts ?? 99) <= 3, `${peaks[0]?.parts} parts`);
  });
});
