import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HoldfastError } from '../../core/errors.ts';
import { isCompanion, type StreamRecord } from '../../core/manifest.ts';
import type { Engine } from '../../engines/engine.ts';
import { openEngine } from '../../engines/open-engine.ts';
import { partialFailure } from '../../runner/backup.ts';
import type { RunContext } from '../../runner/context.ts';
import { type OpenBackup, openBackup } from '../../runner/open-backup.ts';
import { openStream } from '../../runner/open-stream.ts';
import { whileInUse } from '../../runner/while-in-use.ts';
import { syncFolder } from '../../store/durable-files.ts';
import { errorCodeOf } from '../../store/file-errors.ts';
import type { CliContext } from '../context.ts';
import { direct, namedBackup } from '../direct.ts';
import { bytes, printable } from '../output.ts';

type Options = {
  readonly backup: string;
  readonly target?: string;
  readonly output?: string;
  readonly database?: readonly string[];
};

/** Exports all that the backup holds, or the databases asked for. What it lacks of what was asked for is the verb's failure. */
export async function run(context: CliContext, { backup, target, output, database }: Options): Promise<number> {
  if (output === undefined) throw new HoldfastError('usage', 'where to? name a folder with --output');
  const folder = resolve(output);
  const { files, kinds, lacking } = await direct(context, async (run) => {
    const found = await namedBackup(run, backup, target);
    return whileInUse(run, { ...found, what: 'holdfast export' }, async () => {
      const opened = await openBackup(run, found.target, found.id);
      const chosen = database === undefined ? opened.manifest.streams : chooseDatabases(opened, database);
      await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
        throw cannotWrite(folder, error);
      });
      const written = [];
      const kinds = openEngine(opened.manifest.engine).files;
      for (const record of chosen) {
        if (record.status === 'complete') written.push(await exportStream(run, opened, record, { folder, kinds }));
      }
      return { files: written, kinds, lacking: partialFailure({ ...opened.manifest, streams: [...chosen] }) };
    });
  });
  context.output.result({ files }, () => [
    ...files.map(({ file, kind, name, sizeBytes }) => `${file}  ${kind} '${printable(name)}', ${bytes(sizeBytes)}`),
    ['these files hold your data in the clear', ...readersOf(files, kinds)].join('; '),
  ]);
  if (lacking) context.output.failure(lacking);
  return lacking?.exitCode ?? 0;
}

/** Which tool reads which of the files. */
function readersOf(files: readonly { readonly format: string }[], kinds: Engine['files']): readonly string[] {
  const known = files.flatMap(({ format }) => kinds[format] ?? []);
  return [...new Set(known.map(({ extension, reader }) => `${reader} reads .${extension}`))];
}

function chooseDatabases({ manifest }: OpenBackup, names: readonly string[]): readonly StreamRecord[] {
  const databases = manifest.streams.filter((record) => !isCompanion(record));
  const missing = names.find((name) => !databases.some((record) => record.name === name));
  if (missing !== undefined) {
    throw new HoldfastError('database-missing', `backup '${manifest.backupId}' has no database '${missing}'`, {
      hint: `it has ${databases.map(({ name }) => `'${printable(name)}'`).join(', ') || 'none'}`,
    });
  }
  return databases.filter(({ name }) => names.includes(name));
}

/**
 * Invariant: a name without `.part` is a whole file, proved against the manifest and synced. The bytes go to `<name>.part`, which is
 * renamed when they are proved, and removed when they are not. A crash before the rename leaves the `.part`, which the next export
 * overwrites; a file of an earlier export stays until then.
 */
async function exportStream(
  run: RunContext,
  backup: OpenBackup,
  record: StreamRecord,
  { folder, kinds }: { readonly folder: string; readonly kinds: Engine['files'] },
) {
  const file = join(folder, `${record.stream}.${kinds[record.format]?.extension ?? record.format}`);
  const part = `${file}.part`;
  try {
    const destination = createWriteStream(part, { mode: 0o600, flush: true });
    await pipeline(openStream(run, backup, record, 'export'), destination, { signal: run.signal });
    await rename(part, file);
    await syncFolder(folder);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error instanceof Error && 'syscall' in error ? cannotWrite(part, error) : error;
  }
  return { file, kind: record.kind, name: record.name, format: record.format, sizeBytes: record.plainBytes };
}

function cannotWrite(path: string, cause: unknown): HoldfastError {
  const code = errorCodeOf(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new HoldfastError('disk-full', `no space is left to write '${path}'`, { cause });
  return new HoldfastError('usage', `cannot write '${path}' (${code ?? 'no code'})`, {
    hint: 'is --output a folder, and may this user write there?',
    cause,
  });
}
