import { createHash } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeError } from '../../../lib/core/errors.ts';
import { backupIdSchema, targetNameSchema } from '../../../lib/core/ids.ts';
import { type Manifest, manifestSchema, type StreamRecord } from '../../../lib/core/manifest.ts';
import { applicationEngine } from '../../../lib/engines/application/application-engine.ts';
import { removeTree } from '../../../lib/engines/application/restore/destination.ts';
import type {
  BackupReader,
  CaptureRequest,
  EngineContext,
  EngineProgress,
  RestorePlan,
} from '../../../lib/engines/engine.ts';

export const engine = applicationEngine();

/** A folder of the test's own, gone when it is disposed of. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-files-'));
  return { path, [Symbol.dispose]: () => removeTree(path) };
}

export function contextFor(
  connection: Readonly<Record<string, unknown>>,
  signal = new AbortController().signal,
): EngineContext & { readonly events: EngineProgress[] } {
  const events: EngineProgress[] = [];
  return {
    target: 'files',
    connection: { readers: 2, ...connection },
    parallelJobs: 2,
    options: {},
    signal,
    progress: (event) => events.push(event),
    events,
    scratch: tmpdir(),
  };
}

/** A backup in memory: its manifest, and its streams' bytes by name. */
export type Saved = { readonly manifest: Manifest; readonly bytes: ReadonlyMap<string, Buffer> };

const fixedTime = '2026-11-21T02:00:00.000Z';
let taken = 0;

/** Takes a backup as a run does, and keeps it in memory. A stream that fails is there as failed. */
export async function takeBackup(
  context: EngineContext,
  request: Pick<CaptureRequest, 'method' | 'format'> = { method: 'files', format: 'tar' },
  chain: readonly Saved[] = [],
  /** Called whenever something has been read. */
  between: () => void = () => {},
): Promise<Saved> {
  const parent = chain.at(-1);
  const captured = await engine.capture(context, { ...request, ...(parent && { parent: readerOf(parent, chain) }) });
  const streams: StreamRecord[] = [];
  const bytes = new Map<string, Buffer>();
  for (const stream of captured.streams) {
    const { stream: name, kind, format } = stream;
    const base = { stream: name, kind, name: stream.name, format, beganAt: fixedTime, endedAt: fixedTime };
    const stored = { compression: 'none' as const, storedBytes: 0 };
    try {
      const opened = await stream.open();
      const chunks: Buffer[] = [];
      for await (const chunk of opened.bytes) {
        chunks.push(Buffer.from(chunk));
        between();
      }
      const all = Buffer.concat(chunks);
      bytes.set(name, all);
      const { content, facts, omissions, remarks } = opened.result();
      streams.push({
        ...base,
        ...stored,
        status: 'complete',
        plainBytes: all.length,
        plainSha256: sha256(all),
        objects: objectsOf(name, all, stream.objectBytes),
        ...(content && { content }),
        ...(omissions && { omissions }),
        ...(remarks && { remarks: [...remarks] }),
        facts,
      });
    } catch (error) {
      streams.push({
        ...base,
        ...stored,
        status: 'failed',
        error: describeError(error),
        plainBytes: 0,
        objects: [],
        facts: {},
      });
    }
  }
  await captured.end();
  const { source, parent: builtOn = null } = captured;
  const manifest = manifestOf({ streams, method: request.method, source, parent: builtOn });
  return { manifest, bytes };
}

/** A manifest of such streams, as a run would publish it. */
function manifestOf({
  streams,
  method,
  source,
  parent,
}: Pick<Manifest, 'method' | 'source' | 'parent'> & { readonly streams: readonly StreamRecord[] }): Manifest {
  taken += 1;
  return manifestSchema.parse({
    formatVersion: 1,
    backupId: backupIdSchema.parse(
      `20261121T0200${String(taken % 60).padStart(2, '0')}Z-${taken.toString(16).padStart(8, '0')}`,
    ),
    target: targetNameSchema.parse('files'),
    engine: 'application',
    method,
    tier: 'manual',
    tenant: null,
    parent: parent,
    status: 'complete',
    beganAt: fixedTime,
    endedAt: fixedTime,
    scheduledTime: null,
    requestedBy: { kind: 'user' },
    writer: { holdfast: '0', image: 'local', execution: 'x', attempt: 'x', fencingToken: 1 },
    source,
    encryption: { algorithm: 'none', wrappedKey: null },
    retention: { days: 1, until: fixedTime },
    streams,
    plainBytes: 0,
    storedBytes: 0,
    seal: '0'.repeat(64),
  });
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function objectsOf(stream: string, bytes: Buffer, objectBytes = 1 << 30): StreamRecord['objects'] {
  const objects = [];
  for (let at = 0; at === 0 || at < bytes.length; at += objectBytes) {
    const piece = bytes.subarray(at, at + objectBytes);
    const hash = sha256(piece);
    const size = { storedBytes: piece.length, plainBytes: piece.length };
    objects.push({ key: `${stream}/${at}`, ...size, storedSha256: hash, plainSha256: hash });
  }
  return objects;
}

/** Which objects were read, as `<backup>/<stream>/<object>`. */
export const objectsRead: string[] = [];

export function readerOf(saved: Saved, chain: readonly Saved[]): BackupReader {
  const all = [...chain, saved];
  const named = (id: string): Saved => {
    const found = all.find(({ manifest }) => manifest.backupId === id);
    if (found === undefined) throw new Error(`there is no backup '${id}'`);
    return found;
  };
  return {
    manifest: saved.manifest,
    ancestor: async (id) => named(id).manifest,
    async *read(id, { stream, objects }, { first, last } = { first: 0, last: objects.length - 1 }) {
      const bytes = named(id).bytes.get(stream) ?? Buffer.alloc(0);
      let at = objects.slice(0, first).reduce((sum, { plainBytes }) => sum + plainBytes, 0);
      for (const [index, { plainBytes }] of objects.slice(first, last + 1).entries()) {
        objectsRead.push(`${id}/${stream}/${first + index}`);
        yield* inPieces(bytes.subarray(at, at + plainBytes));
        at += plainBytes;
      }
    },
  };
}

/** Reads streams that somebody else has kept, all of one backup. */
export function readerOfStreams(
  streams: ReadonlyMap<string, { readonly record: StreamRecord; readonly bytes: Buffer }>,
): BackupReader {
  const records = [...streams.values()].map(({ record, bytes }) => ({
    ...record,
    objects: objectsOf(record.stream, bytes),
  }));
  const manifest = manifestOf({ streams: records, method: 'incremental', source: {}, parent: null });
  const bytes = new Map([...streams.values()].map(({ record: { stream }, bytes: all }) => [stream, all]));
  return readerOf({ manifest, bytes }, []);
}

/** Copies in pieces of an odd size, as the pipeline might give them. */
export function* inPieces(bytes: Buffer, size = 65_521): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}

/** Restores trees of a backup. */
export function restoreBackup(
  context: EngineContext,
  saved: Saved,
  plan: Partial<RestorePlan> & { readonly to: string; readonly chain?: readonly Saved[] },
) {
  const { to, chain = [], ...rest } = plan;
  return engine.restore(context, {
    replace: false,
    source: saved.manifest.source,
    reader: readerOf(saved, chain),
    streams: saved.manifest.streams
      .filter(({ kind }) => kind === 'tree')
      .map((record) => ({
        record,
        destination: to,
        async *open() {
          yield* inPieces(saved.bytes.get(record.stream) ?? Buffer.alloc(0));
        },
      })),
    ...rest,
  });
}

export function treeOf({ manifest }: Saved): StreamRecord {
  const found = manifest.streams.find(({ kind }) => kind === 'tree');
  if (found === undefined) throw new Error('the backup has no tree');
  return found;
}
