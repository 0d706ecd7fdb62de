import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import { HoldfastError } from '../../../core/errors.ts';
import type { EngineContext, RestoreTestPlan } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import type { Neo4jTools } from '../tools.ts';
import { runAdmin } from './admin.ts';
import { DumpCheck } from './dump-check.ts';

type Context = Pick<EngineContext, 'signal' | 'progress'>;
type Dump = RestoreTestPlan['streams'][number];

/**
 * Writes a dump to a file, proves it whole, has neo4j-admin load it as `database` under `home`, where no server runs, and check that what it
 * loaded is consistent. Rejects with `corrupt`, `dump-incomplete`, `restore-failed` or, when the store is not consistent, `copy-damaged`.
 */
export async function loadDump(
  context: Context,
  dump: Dump,
  options: { readonly tools: Neo4jTools; readonly home: string; readonly folder: string; readonly database: string },
): Promise<void> {
  const { tools, home, folder, database } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // neo4j-admin finds it by its name.
  const file = path.join(folder, `${database}.dump`);
  await writeDump(context, dump, file);
  const admin = { tools, home, conf: path.join(home, 'conf'), signal: context.signal };
  context.progress({ phase: 'load', detail: dump.record.name });
  await runAdmin({
    ...admin,
    args: ['database', 'load', database, `--from-path=${folder}`, '--overwrite-destination'],
    doing: `loading the dump of database '${dump.record.name}'`,
    otherwise: 'restore-failed',
  });
  await rm(file);
  context.progress({ phase: 'check', detail: dump.record.name });
  await runAdmin({
    ...admin,
    args: ['database', 'check', database, `--report-path=${folder}`],
    doing: `checking the loaded database '${dump.record.name}'`,
    otherwise: 'copy-damaged',
  });
}

async function writeDump(context: Context, { record, open }: Dump, file: string): Promise<void> {
  const check = new DumpCheck();
  let bytes = 0;
  async function* checked(): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of open()) {
      if (context.signal.aborted) throw stopReason(context.signal, 'the restore');
      bytes += chunk.length;
      context.progress({ phase: 'restore', detail: record.name, bytes, expectedBytes: record.plainBytes });
      await check.write(chunk);
      // The file's stream may keep it for a while.
      yield Buffer.from(chunk);
    }
  }
  await pipeline(Readable.from(checked()), createWriteStream(file, { mode: 0o600 }));
  if (isDeepStrictEqual(await check.end(), record.content)) return;
  throw new HoldfastError('corrupt', `the dump of database '${record.name}' holds other files than its manifest says`);
}
