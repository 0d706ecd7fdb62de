import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, mkdtempSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { applicationRestoreTestShape, type FileAssertion } from '../../config/targets/application.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { EngineContext, RestoreTestPlan, RestoreTestResult } from '../engine.ts';
import { removeTree } from './restore/destination.ts';
import { restoreTrees } from './restore/restore.ts';
import { SafeFolder } from './restore/safe-folder.ts';
import { sourceFacts } from './source.ts';
import { pathShown } from './tree/entry.ts';
import { codeOf } from './tree/omission.ts';

const optionsSchema = z.object(applicationRestoreTestShape);

/** Restores trees into a folder of their own, which is gone afterwards, and looks for the files that have to be there. */
export async function testRestore(
  context: Omit<EngineContext, 'connection'>,
  plan: RestoreTestPlan,
): Promise<RestoreTestResult> {
  const { files } = optionsSchema.parse(plan.options);
  const trees = plan.streams.filter(({ record }) => record.kind === 'tree');
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-restore-test-'));
  try {
    const beganAt = performance.now();
    const { restored } = await restoreInto(folder, context, { ...plan, streams: trees });
    const restoreSeconds = Math.round(performance.now() - beganAt) / 1000;
    plan.onRestored();
    const names = trees.map(({ record }) => record.name);
    const problems: string[] = [];
    for (const assertion of files) {
      const tree = assertion.tree ?? (names.length === 1 ? names[0] : undefined);
      const problem =
        tree === undefined || !names.includes(tree)
          ? `the backup has no tree '${assertion.tree ?? ''}'`
          : await problemOf(join(folder, String(names.indexOf(tree))), assertion);
      if (problem !== undefined) problems.push(`file '${assertion.path}': ${problem}`);
    }
    return {
      server: 'folder',
      serverVersion: String(sourceFacts({ trees: [] })['serverVersion']),
      restored,
      restoreSeconds,
      relations: 0,
      problems: problems.map((message) => ({ code: 'assertion-failed', message })),
      remarks: [],
    };
  } finally {
    removeTree(folder);
  }
}

/** What is missing on this machine says nothing of the backup. */
async function restoreInto(
  folder: string,
  context: Omit<EngineContext, 'connection'>,
  plan: RestoreTestPlan,
): ReturnType<typeof restoreTrees> {
  const streams = plan.streams.map((stream, index) => ({ ...stream, destination: join(folder, String(index)) }));
  try {
    return await restoreTrees({ ...context, connection: { path: folder } }, { ...plan, streams, replace: false });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    if (error.code === 'disk-full' || error.code === 'preflight-failed')
      throw new HoldfastError('test-disk-too-small', error.message, { cause: error });
    throw error;
  }
}

async function problemOf(
  root: string,
  { path, minBytes, sha256, contains }: FileAssertion,
): Promise<string | undefined> {
  using folder = new SafeFolder(root);
  let reached: Buffer;
  try {
    reached = folder.reach(pathShown(path.replace(/^\.?\/+/, '').replace(/\/+$/, '') || '.'));
    lstatSync(reached);
  } catch (error) {
    if (codeOf(error) === undefined && !(error instanceof HoldfastError)) throw error;
    return 'it is not there';
  }
  const stats = lstatSync(reached);
  if (minBytes !== undefined && stats.size < minBytes) return `it has ${stats.size} bytes, and not ${minBytes} or more`;
  if (sha256 === undefined && contains === undefined) return undefined;
  if (!stats.isFile()) return 'it is no file';
  if (contains !== undefined) {
    await using file = await open(reached);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1_048_576), 0, 1_048_576, 0);
    if (!buffer.subarray(0, bytesRead).includes(contains)) return 'its first mebibyte does not hold the text';
  }
  if (sha256 === undefined) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(reached)) hash.update(chunk as Buffer);
  const digest = hash.digest('hex');
  return digest === sha256 ? undefined : `its SHA-256 is ${digest}`;
}
