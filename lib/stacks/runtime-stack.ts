import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import { Api } from '../constructs/api.ts';
import type { Bundle } from '../constructs/bundle.ts';
import { BundledFunction } from '../constructs/bundled-function.ts';
import { Machine } from '../constructs/machine.ts';
import type { Network } from '../constructs/network.ts';
import { Schedules } from '../constructs/schedules.ts';
import { StepFunctions } from '../constructs/step-functions.ts';
import { Tasks } from '../constructs/tasks.ts';
import { Vault } from '../constructs/vault.ts';
import { mostAttempts } from '../core/attempts.ts';
import { backupWorkflow } from '../workflows/backup.ts';
import { restoreWorkflow } from '../workflows/restore.ts';
import { taskOverhead } from '../workflows/run-task.ts';

export type RuntimeStackProps = StackProps & {
  readonly config: HoldfastConfig;
  readonly bundle: Bundle;
  /** @default - the existing bucket and key that the configuration names */
  readonly vault?: Vault;
  readonly network: Network;
  readonly catalog: BundledFunction;
};

/** What runs: tasks, functions, state machines, schedules, the API. Nothing in it keeps data, so all of it can be made again. */
export class RuntimeStack extends Stack {
  readonly backup: Machine;
  readonly restore: Machine;
  readonly reconcile: BundledFunction;
  readonly schedules: Schedules;
  readonly api: Api;
  readonly steps: StepFunctions;

  constructor(scope: Construct, id: string, props: RuntimeStackProps) {
    const { config, bundle, network, catalog, vault: givenVault, ...stackProps } = props;
    super(scope, id, stackProps);
    const vault = givenVault ?? Vault.of(this, 'Vault', config);
    const { name } = config.aws;
    const deadline = Duration.seconds(config.run.timeoutSeconds);
    const tasks = new Tasks(this, 'Tasks', {
      bundle,
      vault,
      network,
      targets: config.targets,
      cpu: config.aws.taskCpu,
      memoryMiB: config.aws.taskMemoryMiB,
      deadline,
    });
    this.steps = new StepFunctions(this, 'Steps', { bundle, vault, catalog });
    const shared = {
      judgeAttempt: this.steps.step('judge-attempt'),
      recordOutcome: this.steps.step('record-outcome'),
      releaseLease: this.steps.step('release-lease'),
      publishOutcome: this.steps.step('publish-outcome'),
      raiseFailure: this.steps.step('raise-failure'),
    };
    const sharedFunctions = [
      'judge-attempt',
      'record-outcome',
      'release-lease',
      'publish-outcome',
      'raise-failure',
    ] as const;
    const timeout = machineTimeout(deadline);

    this.backup = new Machine(this, 'BackupMachine', {
      name: `${name}-backup`,
      comment: 'Backs up one target. Input: {"target":"orders"}',
      timeout,
      task: tasks.backup,
      functions: (['admit-backup', 'validate-backup', ...sharedFunctions] as const).map((step) => this.steps.get(step)),
      workflow: (machine) =>
        backupWorkflow(machine, {
          ...shared,
          admitBackup: this.steps.step('admit-backup'),
          validateBackup: this.steps.step('validate-backup'),
          task: tasks.toRun(tasks.backup),
        }),
    });
    this.restore = new Machine(this, 'RestoreMachine', {
      name: `${name}-restore`,
      comment: 'Restores a backup and compares it. Input: {"backup":"latest","target":"orders","as":"orders_copy"}',
      timeout,
      task: tasks.restore,
      functions: (['admit-restore', ...sharedFunctions] as const).map((step) => this.steps.get(step)),
      workflow: (machine) =>
        restoreWorkflow(machine, {
          ...shared,
          admitRestore: this.steps.step('admit-restore'),
          task: tasks.toRun(tasks.restore),
        }),
    });

    this.reconcile = new BundledFunction(this, 'Reconcile', {
      bundle,
      program: 'reconcile',
      description: 'Compares what should exist with what does, and brings the catalog up to date',
      timeout: Duration.minutes(10),
      memoryMiB: 1024,
      permissions: [catalog.invokePermission('TellCatalog')],
      environment: { ...vault.environment, HOLDFAST_CATALOG_FUNCTION: catalog.arn },
    });
    vault.grantList(this.reconcile.role, 'backups', 'journal');
    vault.grantGet(this.reconcile.role, 'manifests', 'journal');
    vault.grantPut(this.reconcile.role, 'journal');

    this.schedules = new Schedules(this, 'Schedules', {
      name,
      targets: config.targets,
      bundle,
      vault,
      catalog,
      backup: this.backup,
      reconcile: this.reconcile,
    });
    this.api = new Api(this, 'Api', {
      name: `${name}-api`,
      bundle,
      vault,
      catalog,
      backup: this.backup,
      restore: this.restore,
      schedules: this.schedules.function,
      validate: this.steps.get('validate-backup'),
    });
    this.#outputs();
  }

  /** What the command line looks up. */
  #outputs(): void {
    const outputs: Readonly<Record<string, readonly [string, string]>> = {
      BackupMachineArn: ['Start it with {"target":"…"}', this.backup.arn],
      RestoreMachineArn: ['Start it with {"backup":"latest","target":"…"}', this.restore.arn],
      ApiUrl: ['Requests are signed with SigV4, service lambda', this.api.url.url],
    };
    for (const [id, [description, value]] of Object.entries(outputs)) new CfnOutput(this, id, { description, value });
  }
}

/** Every attempt at its longest, validation, and an hour for starting, waiting and the small steps. */
const machineTimeout = (deadline: Duration): Duration =>
  Duration.seconds(mostAttempts * deadline.plus(taskOverhead).toSeconds())
    .plus(Duration.minutes(20))
    .plus(Duration.hours(1));
