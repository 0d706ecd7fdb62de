import { isDeepStrictEqual } from 'node:util';
import { describeError, HoldfastError } from '../core/errors.ts';
import type { BackupId, TargetName } from '../core/ids.ts';
import type { Manifest, StreamRecord } from '../core/manifest.ts';
import { openEngine } from '../engines/open-engine.ts';
import { verifyStream } from '../pipeline/verify-stream.ts';
import { readManifest } from '../store/backups.ts';
import type { RunContext } from './context.ts';
import { type OpenBackup, openBackup } from './open-backup.ts';
import { openStream, readOptions } from './open-stream.ts';

export type Validation = {
  readonly backupId: BackupId;
  readonly target: TargetName;
  readonly status: 'complete' | 'partial';
  /** `full`: every byte was read, decrypted, decompressed and parsed. `sample`: sizes of all objects, and the beginning of each stream. */
  readonly depth: 'full' | 'sample';
  readonly objects: number;
  readonly plainBytes: number;
  readonly storedBytes: number;
  readonly readBytes: number;
  readonly problems: readonly {
    readonly where: string;
    readonly code: string;
    readonly message: string;
    readonly hint: string;
  }[];
};

/** How much of each stream a `sample` decrypts and decompresses. */
const sampleBytes = 8 * 1024 * 1024;

/**
 * Looks at a published backup with nothing but store and key: manifest, seal, every object's presence and size, and the content as deep as
 * asked for. Problems of content are listed, all of them; what prevents looking at all (unknown backup, lost key) rejects.
 */
export async function validateBackup(
  context: RunContext,
  target: TargetName,
  id: BackupId,
  depth: Validation['depth'],
): Promise<Validation> {
  const backup = await openBackup(context, target, id);
  const { manifest } = backup;
  const problems: Validation['problems'][number][] = [];
  let readBytes = 0;
  const check = async (where: string, work: () => Promise<number>): Promise<boolean> => {
    try {
      readBytes += await work();
      return true;
    } catch (error) {
      context.signal.throwIfAborted();
      problems.push({ where, ...describeError(error) });
      return false;
    }
  };

  if (manifest.parent !== null) await check('the backups that it builds on', () => checkChain(context, manifest));
  for (const record of manifest.streams.filter(({ status }) => status === 'complete')) {
    const present = await Promise.all(
      record.objects.map((object) => check(object.key, () => checkPresence(context, object))),
    );
    if (present.includes(false)) continue;
    await check(`${record.kind} '${record.name}'`, () =>
      (depth === 'full' ? readAll : readSample)(context, backup, record),
    );
  }
  return {
    backupId: id,
    target,
    status: manifest.status,
    depth,
    objects: manifest.streams.reduce((total, { objects }) => total + objects.length, 0),
    plainBytes: manifest.plainBytes,
    storedBytes: manifest.storedBytes,
    readBytes,
    problems,
  };
}

/** Is every backup there that this one builds on, back to one that builds on none? Their content is their own validations' business. */
async function checkChain({ store }: RunContext, { target, parent }: Manifest): Promise<number> {
  for (let id = parent; id !== null; ) {
    const ancestor = await readManifest(store, target, id);
    if (ancestor.status !== 'complete')
      throw new HoldfastError('object-missing', `backup '${id}', which it builds on, is ${ancestor.status}`);
    id = ancestor.parent;
  }
  return 0;
}

async function checkPresence({ store }: RunContext, object: StreamRecord['objects'][number]): Promise<number> {
  const info = await store.head(object.key);
  if (info === undefined) throw new HoldfastError('object-missing', `object '${object.key}' is not in the store`);
  if (info.sizeBytes !== object.storedBytes) {
    throw new HoldfastError(
      'corrupt',
      `object '${object.key}' has ${info.sizeBytes} bytes instead of ${object.storedBytes}`,
    );
  }
  return 0;
}

async function readAll(context: RunContext, backup: OpenBackup, record: StreamRecord): Promise<number> {
  const engine = openEngine(backup.manifest.engine);
  const engineSide = {
    target: backup.manifest.target,
    connection: undefined,
    parallelJobs: 1,
    options: {},
    signal: context.signal,
    progress: () => {},
    scratch: context.scratch,
  };
  const { inspected } = await verifyStream({
    ...readOptions(context, backup, record, 'validate'),
    plainBytes: record.plainBytes,
    plainSha256: record.plainSha256,
    inspect: (bytes) => engine.inspect({ ...record, ...omissionsOf(backup.manifest) }, bytes, engineSide),
  });
  if (!isDeepStrictEqual(inspected, record.content)) {
    throw new HoldfastError('corrupt', `${record.kind} '${record.name}' has other content than its manifest says`);
  }
  return record.storedBytes;
}

/** What the source said that the backup lacks: with one of its streams, of all of them. */
function omissionsOf({ streams }: Manifest): Pick<StreamRecord, 'omissions'> {
  const [omissions, ...others] = streams.flatMap((stream) => stream.omissions ?? []);
  if (omissions === undefined) return {};
  return {
    omissions: {
      count: others.reduce((sum, { count }) => sum + count, omissions.count),
      listed: [omissions, ...others].flatMap(({ listed }) => listed),
    },
  };
}

async function readSample(context: RunContext, backup: OpenBackup, record: StreamRecord): Promise<number> {
  let bytes = 0;
  for await (const chunk of openStream(context, backup, record, 'validate')) {
    bytes += chunk.length;
    if (bytes >= sampleBytes) break;
  }
  if (bytes === 0) throw new HoldfastError('corrupt', `${record.kind} '${record.name}' is empty`);
  return Math.min(bytes, record.storedBytes);
}
