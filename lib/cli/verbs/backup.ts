import { requireTarget } from '../../config/config.ts';
import { HoldfastError } from '../../core/errors.ts';
import { type BackupRequest, backupRequestSchema } from '../../core/requests.ts';
import { startBackup } from '../../lifecycle/start.ts';
import { findRunningStack } from '../../local/running-stack.ts';
import { readManifest } from '../../store/backups.ts';
import { awsMachines } from '../aws.ts';
import type { CliContext } from '../context.ts';
import { direct, parseTarget } from '../direct.ts';
import { type Machines, runBackupJob } from '../jobs.ts';
import { localMachines, withLocalStack } from '../local.ts';
import { bytes } from '../output.ts';
import { stateDirectoryOf } from '../state-directory.ts';

type Options = {
  readonly target: string;
  readonly tier?: string;
  readonly method?: string;
  readonly format?: string;
  readonly from?: string;
  readonly aws?: boolean;
  readonly wait?: boolean;
};

export async function run(
  context: CliContext,
  { target, tier, method, format, from, aws = false, wait = true }: Options,
): Promise<number> {
  const config = await context.config();
  const { name } = requireTarget(config, parseTarget(target));
  const asked = { target: name, tier, method, format, from };
  const parsed = backupRequestSchema.safeParse({ ...asked, requestedBy: { kind: 'user' } });
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`);
    throw new HoldfastError('usage', problems.join('; '));
  }
  const begin = wait ? runAndTell : startOnly;
  if (aws) return begin(context, awsMachines(config), parsed.data);
  if (!wait && findRunningStack(stateDirectoryOf(context.configFile)) === undefined) {
    throw new HoldfastError(
      'usage',
      '--no-wait starts a backup for a stack that goes on, and none runs on this machine',
      {
        hint: "run 'holdfast up' in another terminal, or leave --no-wait away: then this command runs the stack while it waits",
      },
    );
  }
  return withLocalStack(context, (stack) => begin(context, localMachines(context, config, stack), parsed.data));
}

async function startOnly({ output }: CliContext, { client, arnOf }: Machines, request: BackupRequest): Promise<number> {
  const { arn } = await startBackup(client, await arnOf('backup'), request);
  output.result({ execution: arn }, () => [`started: execution ${arn}`]);
  return 0;
}

async function runAndTell(context: CliContext, machines: Machines, request: BackupRequest): Promise<number> {
  const { arn, run } = await runBackupJob(context, machines, request);
  const { backupId, target, plainBytes, storedBytes } = await direct(context, ({ store }) =>
    readManifest(store, run.target, run.backupId),
  );
  context.output.result({ execution: arn, backupId, target, plainBytes, storedBytes }, () => [
    `backup ${backupId} of '${target}' is complete and valid: ${bytes(plainBytes)}, stored ${bytes(storedBytes)}`,
  ]);
  return 0;
}
