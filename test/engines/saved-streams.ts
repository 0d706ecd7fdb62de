import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeError } from '../../lib/core/errors.ts';
import type { StreamRecord } from '../../lib/core/manifest.ts';
import type { CaptureStream, Engine, EngineContext, EngineProgress } from '../../lib/engines/engine.ts';

export type TestContext = EngineContext & Disposable & { readonly events: EngineProgress[] };

/** A context with a scratch folder of its own, which remembers what progress was told. */
export function testContext(
  options: Pick<EngineContext, 'target' | 'connection' | 'parallelJobs' | 'options'> &
    Partial<Pick<EngineContext, 'signal' | 'progress' | 'service'>>,
): TestContext {
  const scratch = mkdtempSync(path.join(tmpdir(), 'holdfast-scratch-'));
  const events: EngineProgress[] = [];
  return {
    ...options,
    signal: options.signal ?? new AbortController().signal,
    progress: (event) => {
      events.push(event);
      options.progress?.(event);
    },
    events,
    scratch,
    [Symbol.dispose]: () => rmSync(scratch, { recursive: true, force: true }),
  };
}

/** A stream as it would be after a backup, its bytes kept in memory. */
export type Saved = { readonly record: StreamRecord; readonly bytes: Buffer };

const fixedTime = '2026-11-21T02:00:00.000Z';

/** Reads one stream to its end, whatever becomes of it. */
export async function save(stream: CaptureStream): Promise<Saved> {
  const base = {
    stream: stream.stream,
    kind: stream.kind,
    name: stream.name,
    format: stream.format,
    beganAt: fixedTime,
    endedAt: fixedTime,
    compression: 'none' as const,
    storedBytes: 0,
    objects: [],
  };
  const chunks: Uint8Array[] = [];
  try {
    const opened = await stream.open();
    for await (const chunk of opened.bytes) chunks.push(Buffer.from(chunk));
    const { content, facts: plainFacts, secretFacts, remarks } = opened.result();
    const facts = { ...plainFacts, ...secretFacts };
    const bytes = Buffer.concat(chunks);
    const plainSha256 = createHash('sha256').update(bytes).digest('hex');
    const plain = { plainBytes: bytes.length, plainSha256 };
    const more = { ...(content && { content }), ...(remarks && { remarks: [...remarks] }) };
    return { record: { ...base, ...plain, status: 'complete', ...more, facts }, bytes };
  } catch (error) {
    const bytes = Buffer.concat(chunks);
    return {
      record: { ...base, plainBytes: bytes.length, status: 'failed', error: describeError(error), facts: {} },
      bytes,
    };
  }
}

/** Captures everything that the context's connection chooses, one stream after another. */
export async function capture(
  engine: Engine,
  context: EngineContext,
  request: Parameters<Engine['capture']>[1] = { method: 'logical', format: 'custom' },
): Promise<Map<string, Saved>> {
  const opened = await engine.capture(context, request);
  const saved = new Map<string, Saved>();
  try {
    for (const stream of opened.streams) saved.set(stream.name, await save(stream));
  } finally {
    await opened.end();
  }
  return saved;
}

/** A restore's stream whose bytes come in pieces of 64 KiB, as from the pipeline. */
export function planned(saved: Saved | undefined, destination: string) {
  if (!saved) throw new Error(`nothing was captured for '${destination}'`);
  return {
    record: saved.record,
    destination,
    async *open() {
      // Copies: a chunk is the reader's, who may free it.
      for (let at = 0; at < saved.bytes.length; at += 65_536) yield Buffer.from(saved.bytes.subarray(at, at + 65_536));
    },
  };
}
