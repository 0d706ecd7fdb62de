// One measured run in a process of its own, so that its resident memory is its own: node pipeline-run.ts WHAT BYTES [FOLDER]
import { createHash, randomBytes } from 'node:crypto';
import { blocksOf } from '../lib/pipeline/blocks.ts';
import { BufferPool } from '../lib/pipeline/buffer-pool.ts';
import { BlockCompressor } from '../lib/pipeline/compress.ts';
import { mapInOrder } from '../lib/pipeline/map-in-order.ts';
import { encryptMessage } from '../lib/pipeline/message.ts';
import { RateLimit } from '../lib/pipeline/rate-limit.ts';
import { readBackStream } from '../lib/pipeline/read-back.ts';
import { type PipelineSettings, pipelineSettings } from '../lib/pipeline/settings.ts';
import { verifyStream } from '../lib/pipeline/verify-stream.ts';
import { type WrittenStream, writeStream } from '../lib/pipeline/write-stream.ts';
import { collectLessOften } from '../lib/runner/collect-less-often.ts';
import { openDirectoryStore } from '../lib/store/directory-store.ts';
import type { Store } from '../lib/store/store.ts';
import { syntheticSource } from './synthetic-source.ts';

/** What a run prints, as JSON. `bytes` are those that the stage had to take. */
export type RunOutcome = {
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssMiB: number;
};

collectLessOften();
const [what = '', bytesText = '', folder = ''] = process.argv.slice(2);
const bytes = Number(bytesText);
const dataKey = randomBytes(32);
const context = { target: 'bench', backupId: '20261121T020000Z-9f3c2a1b', stream: 'main' };
const settings = pipelineSettings();

/** Takes parts and forgets them. */
const nowhere = {
  beginUpload: async (key: string) => ({
    key,
    writePart: async () => undefined,
    complete: async () => ({ key, sizeBytes: 0, etag: '', modifiedAt: new Date(0) }),
    abort: async () => undefined,
  }),
} as unknown as Store;

function write(store: Store, overrides: Partial<PipelineSettings> = {}): Promise<WrittenStream> {
  return writeStream({
    store,
    keyOf: (index) => `bench/${process.pid}/${index}`,
    source: syntheticSource(bytes),
    settings: { ...settings, ...overrides },
    dataKey,
    context,
  });
}

const stages: Readonly<Record<string, () => Promise<() => Promise<unknown>>>> = {
  source: async () => async () => {
    for await (const chunk of syntheticSource(bytes)) chunk.at(0);
  },
  sha256: async () => async () => {
    const hash = createHash('sha256');
    for await (const chunk of syntheticSource(bytes)) hash.update(chunk);
  },
  zstd: async () => async () => {
    const pool = new BufferPool(settings.blockBytes);
    const stop = new AbortController();
    const compressor = new BlockCompressor('zstd', settings.level);
    const frames = mapInOrder({
      items: blocksOf({ source: syntheticSource(bytes), pool, rate: new RateLimit(0), signal: stop.signal }),
      limit: settings.blocksInFlight,
      map: async (block) => {
        const frame = await compressor.compress(block);
        pool.give(block);
        return frame;
      },
      stop,
    });
    for await (const frame of frames) frame.at(0);
  },
  encryption: async () => async () => {
    for await (const chunk of encryptMessage(syntheticSource(bytes, 1024 ** 2), dataKey, { ...context, index: 0 }))
      chunk.at(0);
  },
  store: async () => {
    const store = await openDirectoryStore(folder);
    return () => write(store, { compression: 'none', algorithm: 'none' });
  },
  pipeline: async () => () => write(nowhere),
  'pipeline-store': async () => {
    const store = await openDirectoryStore(folder);
    return () => write(store);
  },
  'read-back': async () => {
    const store = await openDirectoryStore(folder);
    const written = await write(store);
    const { algorithm } = settings;
    return () => readBackStream({ store, written, algorithm, dataKey, context });
  },
  verify: async () => {
    const store = await openDirectoryStore(folder);
    const written = await write(store);
    const { compression, algorithm } = settings;
    return () => verifyStream({ store, compression, algorithm, dataKey, context, ...written });
  },
};

const stage = await stages[what]?.();
if (stage === undefined) throw new Error(`no such stage: '${what}'`);
const cpuBefore = process.cpuUsage();
const beganAt = performance.now();
await stage();
const seconds = (performance.now() - beganAt) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
const outcome: RunOutcome = {
  bytes,
  seconds,
  cpuSeconds: (user + system) / 1e6,
  rssMiB: process.resourceUsage().maxRSS / 1024,
};
console.log(JSON.stringify(outcome));
