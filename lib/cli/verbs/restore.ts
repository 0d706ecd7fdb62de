import { randomBytes } from 'node:crypto';
import { requireTarget } from '../../config/config.ts';
import { HoldfastError } from '../../core/errors.ts';
import { newOperationId } from '../../core/ids.ts';
import { readBackCommand } from '../../core/read-back-command.ts';
import { type AskedPoint, askedPoint } from '../../core/recovery-point.ts';
import type { RestoreRun } from '../../core/requests.ts';
import { proofWords } from '../../core/restore-proof.ts';
import { selectionOf } from '../../core/selection.ts';
import { comparisonDepthSchema, onConflictSchema } from '../../core/vocabulary.ts';
import { protectSource } from '../../lifecycle/protect-source.ts';
import { releaseLeases } from '../../lifecycle/release-leases.ts';
import { type RestoreOutcome, runRestore } from '../../runner/restore.ts';
import { restoreFailure } from '../../runner/restore-failure.ts';
import { findBackup } from '../../store/backups.ts';
import { restoreOnAws } from '../aws.ts';
import type { CliContext } from '../context.ts';
import { direct, parseBackup, parseTarget } from '../direct.ts';
import { bytes, counted, duration, oneLine, printable } from '../output.ts';

type Options = Omit<AskedPoint, 'toLatest'> & {
  readonly toLatest?: boolean;
  readonly timeline?: string;
  readonly tablespace?: readonly string[];
  /** False: --no-start. */
  readonly start?: boolean;
  readonly newIdentity?: boolean;
  readonly backup: string;
  readonly target?: string;
  readonly into?: string;
  readonly database?: readonly string[];
  readonly schema?: readonly string[];
  readonly table?: readonly string[];
  readonly withDependencies?: boolean;
  readonly path?: readonly string[];
  readonly onConflict?: string;
  readonly jobs?: string;
  readonly comparison?: string;
  readonly as?: string;
  readonly replace?: boolean;
  readonly aws?: boolean;
};

/**
 * On this machine a restore needs store, key and the receiving server, and nothing else: no stack, no catalog. With --aws it runs where the
 * databases can be reached, through the state machine.
 */
export async function run(context: CliContext, options: Options): Promise<number> {
  const jobs = options.jobs === undefined ? undefined : parseJobs(options.jobs);
  const onConflict = parseChoice('--on-conflict', onConflictSchema.options, options.onConflict);
  const comparison = parseChoice('--comparison', comparisonDepthSchema.options, options.comparison);
  const point = askedPoint(options);
  const timeline = options.timeline === undefined ? undefined : parseTimeline(options.timeline);
  const folders = (options.tablespace ?? []).map(parseTablespace);
  selectionOf({ ...options, schemas: options.schema, tables: options.table, paths: options.path });
  if (options.aws === true) {
    return restoreOnAws(context, {
      backup: parseBackup(options.backup),
      ...(options.target === undefined ? {} : { target: parseTarget(options.target) }),
      ...(options.into === undefined ? {} : { into: parseTarget(options.into) }),
      ...(options.database === undefined ? {} : { databases: [...options.database] }),
      ...(options.schema === undefined ? {} : { schemas: [...options.schema] }),
      ...(options.table === undefined ? {} : { tables: [...options.table] }),
      ...(options.withDependencies === true ? { withDependencies: true } : {}),
      ...(options.path === undefined ? {} : { paths: [...options.path] }),
      ...(onConflict === undefined ? {} : { onConflict }),
      ...(jobs === undefined ? {} : { jobs }),
      ...(comparison === undefined ? {} : { comparison }),
      ...(point === undefined ? {} : { point }),
      ...(timeline === undefined ? {} : { timeline }),
      ...(folders.length === 0 ? {} : { folders }),
      ...(options.start === false ? { start: false } : {}),
      ...(options.newIdentity === true ? { newIdentity: true } : {}),
      ...(options.as === undefined ? {} : { as: options.as }),
      ...(options.replace === true ? { replace: true } : {}),
    });
  }
  const { order, outcome: restored } = await direct(context, async (run) => {
    const found = await findBackup(run.store, {
      backup: parseBackup(options.backup),
      target: options.target === undefined ? undefined : parseTarget(options.target),
      point,
      as: options.as,
    });
    const into = requireTarget(run.config, options.into === undefined ? found.target : parseTarget(options.into));
    protectSource(options, found.target);
    const now = run.clock();
    const order: RestoreRun = {
      recoveryId: newOperationId(now),
      backupId: found.id,
      target: found.target,
      into: into.name,
      databases: options.database === undefined ? null : [...options.database],
      schemas: options.schema === undefined ? null : [...options.schema],
      tables: options.table === undefined ? null : [...options.table],
      withDependencies: options.withDependencies ?? false,
      paths: options.path === undefined ? null : [...options.path],
      onConflict: onConflict ?? null,
      jobs: jobs ?? null,
      comparison: comparison ?? null,
      point: point ?? null,
      timeline: timeline ?? null,
      folders,
      start: options.start ?? true,
      newIdentity: options.newIdentity ?? false,
      as: options.as ?? null,
      replace: options.replace ?? false,
      requestedBy: { kind: 'user' },
      execution: `cli-${process.pid}-${randomBytes(4).toString('hex')}`,
      requestedAt: now.toISOString(),
      tenant: null,
    };
    const outcome = await runRestore(run, order).finally(() => releaseLeases(run, order));
    return { order, outcome };
  });
  const failure = restoreFailure(restored);
  const isRehearsal = (await context.config()).recovery.mode === 'test';
  context.output.result(restored, () => [
    ...restored.databases.flatMap((copy) =>
      describeCopy(copy, isRehearsal ? undefined : readBackCommand(order, restored, copy)),
    ),
    `${bytes(restored.restoredBytes)} restored${restored.seconds === undefined ? '' : ` in ${duration(restored.seconds)}`}`,
  ]);
  if (failure) context.output.failure(failure);
  return failure?.exitCode ?? 0;
}

function describeCopy(copy: RestoreOutcome['databases'][number], readBack: string | undefined): string[] {
  const { from, to, same, proof, tables, rows, words, differences, remarks } = copy;
  const verdict = !same ? 'DIFFERENT' : proof ? proofWords[proof] : 'restored';
  return [
    to === ''
      ? `${verdict}  ${printable(from)}`
      : `${verdict}  '${printable(from)}' as '${printable(to)}': ${counted(tables, words.collection)}, ${counted(rows, words.item)}${proof === 'compared' ? `, every ${words.item} read back` : ''}`,
    ...[...differences, ...remarks].map((line) => `  ${oneLine(line)}`),
    ...(readBack === undefined ? [] : [`  to have it read back: ${printable(readBack)}`]),
  ];
}

function parseChoice<Choice extends string>(
  option: string,
  choices: readonly Choice[],
  text: string | undefined,
): Choice | undefined {
  const chosen = choices.find((choice) => choice === text);
  if (chosen !== undefined || text === undefined) return chosen;
  throw new HoldfastError('usage', `${option} '${text}' is none of ${choices.join(', ')}`);
}

function parseTimeline(text: string): number {
  const timeline = Number(text);
  if (Number.isInteger(timeline) && timeline >= 1) return timeline;
  throw new HoldfastError('usage', `--timeline '${text}' is no timeline's number`);
}

function parseTablespace(text: string): { readonly from: string; readonly to: string } {
  const [from = '', to = ''] = text.split('=');
  if (from !== '' && to !== '') return { from, to };
  throw new HoldfastError('usage', `--tablespace '${text}' does not say which goes where`, {
    hint: 'for example --tablespace 16400=/srv/fast, or --tablespace /mnt/fast=/srv/fast',
  });
}

function parseJobs(text: string): number {
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 64) return jobs;
  throw new HoldfastError('usage', `--jobs '${text}' is not a number from 1 to 64`);
}
