import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { tablesAndRows } from '../../core/content-words.ts';
import { HoldfastError } from '../../core/errors.ts';
import { parseManifest } from '../../core/manifest.ts';
import { manifestKey } from '../../core/object-keys.ts';
import { checkFile } from '../../engines/check-file.ts';
import type { RunContext } from '../../runner/context.ts';
import { listBackups } from '../../store/backups.ts';
import { openStore } from '../../store/open-store.ts';
import type { CliContext } from '../context.ts';
import { direct, namedBackup, parseTarget } from '../direct.ts';
import { bytes, counted } from '../output.ts';
import { restorablePoints } from '../restorable-points.ts';
import { reportFormat, type ValidationReport, writeReport } from '../validation-report.ts';
import { type BackupValidation, validateBackups, worstExitCode } from '../validations.ts';

type Options = {
  readonly backup?: string;
  readonly target?: string;
  readonly all?: boolean;
  readonly sample?: boolean;
  readonly file?: string;
  readonly report?: string;
};

export async function run(context: CliContext, options: Options): Promise<number> {
  const { backup, all = false, file, report } = options;
  if ([backup !== undefined, all, file !== undefined].filter(Boolean).length !== 1)
    throw new HoldfastError(
      'usage',
      "name one backup (or 'latest' with --target), or say --all, or --file with a file",
    );
  if (report !== undefined) {
    if (!all) throw new HoldfastError('usage', '--report is for --all');
    reportFormat(report);
  }
  if (file !== undefined && basename(file) !== 'manifest.json') return validateFile(context, file);

  const depth = options.sample === true ? 'sample' : 'full';
  const done = await direct(context, async (run) => {
    if (file !== undefined) return { validations: await validateByManifest(context, run, { file, depth }) };
    const backups = await wanted(run, options);
    const validations = await validateBackups(context, run, { backups, depth });
    if (backup !== undefined) requireLooked(validations);
    if (report === undefined) return { validations };
    const { targets } = await restorablePoints(context, run);
    return { validations, report: reportOf(run, { validations, depth, targets }) };
  });
  if (report !== undefined && done.report) await writeReport(report, done.report);
  context.output.result({ validations: done.validations }, () => [
    ...done.validations.flatMap(describe),
    ...(report === undefined ? [] : [`report written to '${report}'`]),
  ]);
  return worstExitCode(done.validations);
}

async function wanted(run: RunContext, { backup, target }: Options) {
  if (backup !== undefined) return [await namedBackup(run, backup, target)];
  return Array.fromAsync(listBackups(run.store, target === undefined ? undefined : parseTarget(target)));
}

/** The one backup that was asked for could not be looked at at all, and that is the command's failure. */
function requireLooked([only]: readonly BackupValidation[]): void {
  const [problem] = only?.problems ?? [];
  if (only === undefined || only.objects !== undefined || problem === undefined) return;
  throw new HoldfastError(problem.code as HoldfastError['code'], problem.message, { hint: problem.hint });
}

/** A backup named by the path of its manifest, wherever the store that it lies in is. */
async function validateByManifest(
  context: CliContext,
  run: RunContext,
  { file, depth }: { readonly file: string; readonly depth: 'full' | 'sample' },
): Promise<readonly BackupValidation[]> {
  const path = resolve(file);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new HoldfastError('usage', `'${file}' cannot be read`, { cause });
  });
  const { target, backupId: id } = parseManifest(text, file);
  const key = manifestKey(target, id);
  if (!path.endsWith(`/${key}`))
    throw new HoldfastError('usage', `'${file}' does not lie where manifests do, at '${key}' of a store`, {
      hint: 'its objects are found from there: copy the whole folder of the backup, not the manifest alone',
    });
  const store = await openStore({ kind: 'file', path: path.slice(0, -key.length - 1) });
  try {
    return await validateBackups(context, { ...run, store }, { backups: [{ target, id }], depth });
  } finally {
    await store.close();
  }
}

async function validateFile({ output, signal }: CliContext, file: string): Promise<number> {
  const checked = await checkFile(file, signal);
  const { content, contentMissing } = checked;
  const words = content?.words ?? tablesAndRows;
  const rows = content?.tables.reduce((sum, table) => sum + table.rows, 0) ?? 0;
  output.result({ file, ...checked }, () => [
    `valid   '${file}': ${checked.format}, ${bytes(checked.sizeBytes)}, ${
      content === undefined
        ? contentMissing === undefined
          ? 'whole by its last line; its content is not parsed'
          : `read to the last block; rows were not counted, since ${contentMissing}`
        : `${counted(content.tables.length, words.collection)}, ${counted(rows, words.item)}, read to the last byte`
    }`,
  ]);
  return 0;
}

function reportOf(
  { store, clock }: RunContext,
  {
    validations,
    depth,
    targets,
  }: {
    readonly validations: readonly BackupValidation[];
    readonly depth: 'full' | 'sample';
    readonly targets: ValidationReport['restorablePoints'];
  },
): ValidationReport {
  const counts = { PASSED: 0, FAILED: 0, NOT_TESTABLE: 0, ERROR: 0 };
  for (const { result } of validations) counts[result]++;
  return {
    at: clock().toISOString(),
    store: store.url,
    depth,
    summary: counts,
    restorablePoints: targets,
    validations,
  };
}

function describe(validation: BackupValidation): string[] {
  const { backupId, target, problems, status, depth, objects, storedBytes = 0, readBytes = 0, result } = validation;
  const how = depth === 'full' ? 'read to the last byte' : `${bytes(readBytes)} of ${bytes(storedBytes)} read`;
  const seen = objects === undefined ? result : `${counted(objects, 'object')}, ${bytes(storedBytes)}, ${how}`;
  return [
    `${problems.length === 0 ? 'valid  ' : 'INVALID'} ${backupId} of '${target}'${status === 'partial' ? ' (partial)' : ''}: ${seen}`,
    ...problems.flatMap(({ where, code, message, hint }) => [`  ${where}: [${code}] ${message}`, `  HINT: ${hint}`]),
  ];
}
