import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HoldfastError } from '../../core/errors.ts';
import { openBackup } from '../../runner/open-backup.ts';
import { openStream } from '../../runner/open-stream.ts';
import { direct, namedBackup } from '../direct.ts';
import { bytes } from '../output.ts';
import type { CliContext } from '../run-verb.ts';

type Options = {
  readonly backup: string;
  readonly target?: string;
  readonly output?: string;
  readonly database?: readonly string[];
};

/** What a stock tool expects a file of that format to be called. */
const extensions: Readonly<Record<string, string>> = { 'pg_dump-custom': 'dump', 'pg_dumpall-globals': 'sql' };

/** Each file is written under a temporary name and renamed when it is whole, so that a name without `.part` is a promise. */
export async function run(context: CliContext, { backup, target, output, database }: Options): Promise<number> {
  if (output === undefined) throw new HoldfastError('usage', 'where to? name a folder with --output');
  const folder = resolve(output);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = await direct(context, async (run) => {
    const found = await namedBackup(run, backup, target);
    const opened = await openBackup(run, found.target, found.id);
    const complete = opened.manifest.streams.filter(({ status }) => status === 'complete');
    const chosen =
      database === undefined
        ? complete
        : complete.filter(({ kind, name }) => kind === 'database' && database.includes(name));
    for (const name of database ?? []) {
      if (!chosen.some((record) => record.name === name))
        throw new HoldfastError('database-missing', `backup '${found.id}' has no database '${name}'`);
    }
    const written = [];
    for (const record of chosen) {
      const file = join(folder, `${record.stream}.${extensions[record.format] ?? record.format}`);
      try {
        await pipeline(openStream(run, opened, record, 'export'), createWriteStream(`${file}.part`, { mode: 0o600 }), {
          signal: run.signal,
        });
        await rename(`${file}.part`, file);
      } catch (error) {
        await rm(`${file}.part`, { force: true });
        throw error;
      }
      written.push({ file, kind: record.kind, name: record.name, format: record.format, sizeBytes: record.plainBytes });
    }
    return written;
  });
  context.output.result({ files }, () => [
    ...files.map(({ file, kind, name, sizeBytes }) => `${file}  ${kind} '${name}', ${bytes(sizeBytes)}`),
    'these files hold your data in the clear; pg_restore reads .dump, psql reads .sql',
  ]);
  return 0;
}
