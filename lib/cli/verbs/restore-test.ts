import { backupIdSchema } from '../../core/ids.ts';
import type { RestoreTestRequest } from '../../core/requests.ts';
import { startRestoreTest } from '../../lifecycle/start.ts';
import { newestOutcome } from '../../store/outcomes.ts';
import { awsMachines } from '../aws.ts';
import type { CliContext } from '../context.ts';
import { direct, parseTarget } from '../direct.ts';
import { type Machines, runRestoreTestJob } from '../jobs.ts';
import { localMachines, withLocalStack } from '../local.ts';
import { bytes, counted, duration } from '../output.ts';

type Options = {
  /** A target or a backup. */
  readonly what?: string;
  readonly aws?: boolean;
  readonly wait?: boolean;
};

export async function run(context: CliContext, { what, aws = false, wait = true }: Options): Promise<number> {
  const config = await context.config();
  const request: RestoreTestRequest = { ...subjectOf(what), requestedBy: { kind: 'user' } };
  const begin = wait ? runAndTell : startOnly;
  if (aws) return begin(context, awsMachines(config), request);
  return withLocalStack(context, (stack) => begin(context, localMachines(context, config, stack), request));
}

function subjectOf(what: string | undefined): Pick<RestoreTestRequest, 'backup' | 'target'> {
  if (what === undefined) return {};
  const id = backupIdSchema.safeParse(what);
  return id.success ? { backup: id.data } : { target: parseTarget(what) };
}

async function startOnly({ output }: CliContext, machines: Machines, request: RestoreTestRequest): Promise<number> {
  const { arn } = await startRestoreTest(machines.client, await machines.arnOf('restore-test'), request);
  output.result({ execution: arn }, () => [`started: execution ${arn}`]);
  return 0;
}

async function runAndTell(context: CliContext, machines: Machines, request: RestoreTestRequest): Promise<number> {
  const { arn, run } = await runRestoreTestJob(context, machines, request);
  if (run === undefined) {
    context.output.result({ execution: arn, backupId: null }, () => ['there is no complete backup to test yet']);
    return 0;
  }
  const outcome = await direct(context, ({ store }) => newestOutcome(store, run.validationId));
  const figures = outcome?.restoreTest;
  const { validationId, backupId, target, reason } = run;
  context.output.result({ execution: arn, validationId, backupId, target, reason, status: 'PASSED', figures }, () => [
    `backup ${backupId} of '${target}' is verified (${reason})`,
    ...(figures === undefined
      ? []
      : [
          `  restored into ${figures.server} ${figures.serverVersion}: ${bytes(figures.restoredBytes)} in ${duration(figures.restoreSeconds)}, ${bytes(figures.restoredBytes / Math.max(figures.restoreSeconds, 0.001))}/s`,
          `  ${(figures.proof ?? 'compared') === 'compared' ? 'the same' : 'recovered'}: ${counted(figures.tables, figures.words.collection)}, ${counted(figures.rows, figures.words.item)}${figures.relations > 0 ? `; sound: ${counted(figures.relations, 'relation')}` : ''}; hold: ${counted(figures.assertions, 'assertion')}`,
        ]),
  ]);
  return 0;
}
