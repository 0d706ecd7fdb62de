import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { manifestSchema } from '../../lib/core/manifest.ts';
import type { BackupReader, Engine } from '../../lib/engines/engine.ts';
import { capture, planned, type Saved, type TestContext } from '../engines/saved-streams.ts';

/** What the suite needs of an engine: a real server with one thing to back up, and ways to disturb it. */
export type Subject = AsyncDisposable & {
  readonly engine: Engine;
  /** How the backup is taken. */
  readonly request: Parameters<Engine['capture']>[1];
  /** How many rows the restored stream has. */
  readonly rows: number;
  context(options?: { readonly signal?: AbortSignal }): TestContext;
  /** Empties the server once it has been captured, where it has no room for two. @default - it has */
  makeRoom?(): Promise<void>;
  /** The name of the captured stream that the suite restores, and a free name to restore it under. */
  readonly source: string;
  readonly copy: string;
  /** Changes one value in the copy, or one definition where the backup has no values. */
  changeCopy(): Promise<void>;
  /** Reads other streams of the backup, where a restore needs them. @default - it does not */
  reader?(saved: ReadonlyMap<string, Saved>): BackupReader;
  /** Everything that exists on the destination beside content, to show that nothing else came or went. */
  list(): Promise<string[]>;
};

/** The contract of lib/engines/engine.ts, held against an engine on a real server. */
export function engineSuite(name: string, open: () => Promise<Subject>): void {
  suite(name, { concurrency: false }, () => {
    let subject: Subject;
    let saved: Map<string, Saved>;

    before(async () => {
      subject = await open();
    });
    after(() => subject?.[Symbol.asyncDispose]());

    const source = (): Saved => {
      const found = saved.get(subject.source);
      assert.ok(found);
      return found;
    };

    const reader = () => (subject.reader ? { reader: subject.reader(saved) } : {});

    test('probe finds nothing wrong with a source that can be backed up', async () => {
      using context = subject.context();

      const probe = await subject.engine.probe(context);

      assert.deepEqual(probe.findings, []);
      assert.equal(probe.reachable, true);
    });

    test('capture gives streams that end by themselves, with records that a manifest can hold', async () => {
      using context = subject.context();

      saved = await capture(subject.engine, context, subject.request);

      const records = [...saved.values()].map(({ record }) => record);
      assert.deepEqual([...new Set(records.map(({ status }) => status))], ['complete']);
      assert.equal(new Set(records.map(({ stream }) => stream)).size, records.length);
      assert.deepEqual(manifestSchema.shape.streams.parse(records), records);
    });

    test('inspect finds the same content in the bytes as capture did', async () => {
      using context = subject.context();

      for (const { record, bytes } of saved.values()) {
        const content = await subject.engine.inspect(record, planned({ record, bytes }, '').open(), context);
        assert.deepEqual(content, record.content);
      }
    });

    test('inspect refuses a stream that ends anywhere before its end', async () => {
      using context = subject.context();

      for (const { record, bytes } of saved.values()) {
        for (const length of [0, 1, Math.floor(bytes.length / 2), bytes.length - 1]) {
          const cut = planned({ record, bytes: bytes.subarray(0, length) }, '').open();
          await assert.rejects(subject.engine.inspect(record, cut, context), (error: { code?: unknown }) =>
            ['corrupt', 'dump-incomplete'].includes(String(error.code)),
          );
        }
      }
    });

    test('restore under a free name gives a copy that compare finds the same', async () => {
      using context = subject.context();
      await subject.makeRoom?.();

      const plan = { streams: [planned(source(), subject.copy)], replace: false, source: {}, ...reader() };
      const result = await subject.engine.restore(context, plan);

      assert.deepEqual(
        result.restored.map(({ database, comparison }) => ({ database, differences: comparison.differences })),
        [{ database: subject.copy, differences: [] }],
      );
      const again = await subject.engine.compare(context, source().record, subject.copy);
      assert.equal(again.same, true);
      assert.equal(again.itemsCompared, subject.rows);
    });

    test('restore refuses a name that is taken, and changes nothing', async () => {
      using context = subject.context();
      const before = await subject.list();

      const plan = { streams: [planned(source(), subject.copy)], replace: false, source: {}, ...reader() };
      await assert.rejects(subject.engine.restore(context, plan), { code: 'target-not-empty' });

      assert.deepEqual(await subject.list(), before);
    });

    test('compare tells a copy in which one thing was changed', async () => {
      using context = subject.context();
      await subject.changeCopy();

      const comparison = await subject.engine.compare(context, source().record, subject.copy);

      assert.equal(comparison.same, false);
      assert.equal(comparison.differences.length, 1);
    });

    test('restore over a taken name replaces it when told to, and leaves nothing else behind', async () => {
      using context = subject.context();
      const before = await subject.list();

      const plan = { streams: [planned(source(), subject.copy)], replace: true, source: {}, ...reader() };
      await subject.engine.restore(context, plan);

      const comparison = await subject.engine.compare(context, source().record, subject.copy);
      assert.deepEqual(comparison.differences, []);
      assert.deepEqual(await subject.list(), before);
    });

    test('restore of a stream that breaks off fails with its own error, and leaves nothing behind', async () => {
      using context = subject.context();
      const before = await subject.list();
      const stream = planned(source(), subject.copy);
      async function* broken() {
        for await (const chunk of stream.open()) {
          yield chunk.subarray(0, 100);
          throw new RangeError('the store went away');
        }
      }

      const plan = { streams: [{ ...stream, open: broken }], replace: true, source: {}, ...reader() };
      await assert.rejects(subject.engine.restore(context, plan), RangeError);

      assert.deepEqual(await subject.list(), before);
      const comparison = await subject.engine.compare(context, source().record, subject.copy);
      assert.deepEqual(comparison.differences, []);
    });

    test('a stopped restore fails as stopped, and leaves nothing behind', async () => {
      const stop = new AbortController();
      using context = subject.context({ signal: stop.signal });
      const before = await subject.list();
      const stream = planned(source(), subject.copy);
      async function* stopped() {
        for await (const chunk of stream.open()) {
          yield chunk.subarray(0, 100);
          stop.abort();
          yield chunk.subarray(100);
        }
      }

      const plan = { streams: [{ ...stream, open: stopped }], replace: true, source: {}, ...reader() };
      await assert.rejects(subject.engine.restore(context, plan), { code: 'stopped' });

      assert.deepEqual(await subject.list(), before);
    });

    test('a stopped capture fails as stopped', async () => {
      const stop = new AbortController();
      using context = subject.context({ signal: stop.signal });
      stop.abort();

      const stopped = await capture(subject.engine, context, subject.request);

      const errors = [...stopped.values()].map(({ record }) => record.error?.code);
      assert.deepEqual([...new Set(errors)], ['stopped']);
    });
  });
}
