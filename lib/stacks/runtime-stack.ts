import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import { Api } from '../constructs/api.ts';
import type { Bundle } from '../constructs/bundle.ts';
import { BundledFunction } from '../constructs/bundled-function.ts';
import { Machine } from '../constructs/machine.ts';
import type { Network } from '../constructs/network.ts';
import { Requests } from '../constructs/requests.ts';
import { Schedules } from '../constructs/schedules.ts';
import { grantLook, publishEvents, StepFunctions, type StepName } from '../constructs/step-functions.ts';
import { Tasks } from '../constructs/tasks.ts';
import { Vault } from '../constructs/vault.ts';
import { mostAttempts } from '../core/attempts.ts';
import { backupWorkflow } from '../workflows/backup.ts';
import { cleanupWorkflow } from '../workflows/cleanup.ts';
import { healthCheckWorkflow } from '../workflows/health-check.ts';
import { recoveryWorkflow } from '../workflows/recovery.ts';
import { restoreWorkflow } from '../workflows/restore.ts';
import { restoreTestWorkflow } from '../workflows/restore-test.ts';
import { taskOverhead } from '../workflows/run-task.ts';
import { approvalTime } from '../workflows/wait-for-approval.ts';

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
  readonly recovery: Machine;
  readonly restoreTest: Machine;
  readonly cleanup: Machine;
  readonly healthCheck: Machine;
  readonly reconcile: BundledFunction;
  readonly watch: BundledFunction;
  readonly requests: Requests;
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
      restoreTestDiskGiB: config.aws.restoreTestDiskGiB,
      ...(config.store.kind === 's3' && config.store.endpoint !== undefined
        ? { storeEndpoint: config.store.endpoint }
        : {}),
      deadline,
    });
    this.steps = new StepFunctions(this, 'Steps', { bundle, vault, catalog, tasks });
    const withoutLease = {
      judgeAttempt: this.steps.step('judge-attempt'),
      recordOutcome: this.steps.step('record-outcome'),
      publishOutcome: this.steps.step('publish-outcome'),
      raiseFailure: this.steps.step('raise-failure'),
    };
    const stopsServices = tasks.services.length > 0;
    const shared = {
      ...withoutLease,
      releaseLease: this.steps.step('release-lease'),
      ...(stopsServices && { startServices: this.steps.step('start-services') }),
    };
    const sharedFunctions: readonly StepName[] = [
      'judge-attempt',
      'record-outcome',
      'release-lease',
      'publish-outcome',
      'raise-failure',
      ...(stopsServices ? (['start-services'] as const) : []),
    ];
    const timeout = machineTimeout(deadline);

    this.backup = new Machine(this, 'BackupMachine', {
      name: `${name}-backup`,
      comment: 'Backs up one target. Input: {"target":"orders"}',
      timeout,
      tasks: tasks.backup.all,
      cluster: tasks.cluster,
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
      tasks: tasks.restore.all,
      cluster: tasks.cluster,
      functions: (['admit-restore', ...sharedFunctions] as const).map((step) => this.steps.get(step)),
      workflow: (machine) =>
        restoreWorkflow(machine, {
          ...shared,
          admitRestore: this.steps.step('admit-restore'),
          task: tasks.toRun(tasks.restore),
        }),
    });

    this.recovery = new Machine(this, 'RecoveryMachine', {
      name: `${name}-recovery`,
      comment:
        'Brings back a point in time, after approval where it takes one. Input: {"backup":"latest","target":"orders","as":"/srv/orders","point":{"kind":"latest"}}',
      timeout: timeout.plus(approvalTime(config.recovery.approvalHours)).plus(Duration.minutes(15)),
      tasks: tasks.restore.all,
      cluster: tasks.cluster,
      functions: (
        ['admit-restore', 'ask-approval', 'plan-recovery', 'verify-recovery', ...sharedFunctions] as const
      ).map((step) => this.steps.get(step)),
      workflow: (machine) =>
        recoveryWorkflow(machine, {
          ...shared,
          admitRestore: this.steps.step('admit-restore'),
          askApproval: this.steps.step('ask-approval'),
          approvalHours: config.recovery.approvalHours,
          planRecovery: this.steps.step('plan-recovery'),
          verifyRecovery: this.steps.step('verify-recovery'),
          task: tasks.toRun(tasks.restore),
        }),
    });

    this.restoreTest = new Machine(this, 'RestoreTestMachine', {
      name: `${name}-restore-test`,
      comment: 'Proves that a backup restores. Input: {}, {"target":"orders"} or {"backup":"…"}',
      timeout,
      tasks: tasks.restoreTest.all,
      cluster: tasks.cluster,
      functions: (
        ['admit-restore-test', 'judge-attempt', 'record-outcome', 'publish-outcome', 'raise-failure'] as const
      ).map((step) => this.steps.get(step)),
      workflow: (machine) =>
        restoreTestWorkflow(machine, {
          ...withoutLease,
          admitRestoreTest: this.steps.step('admit-restore-test'),
          task: tasks.toRun(tasks.restoreTest, tasks.restoreTestSecurityGroup),
        }),
    });

    this.cleanup = new Machine(this, 'CleanupMachine', {
      name: `${name}-cleanup`,
      comment: 'Removes backups whose time is over, and says why. Input: {}, {"dryRun":true}, {"target":"orders"}',
      timeout: Duration.hours(24),
      cluster: tasks.cluster,
      functions: (['plan-cleanup', 'sweep-expired', 'end-cleanup', 'raise-failure'] as const).map((step) =>
        this.steps.get(step),
      ),
      workflow: (machine) =>
        cleanupWorkflow(machine, {
          planCleanup: this.steps.step('plan-cleanup'),
          sweepExpired: this.steps.step('sweep-expired'),
          endCleanup: this.steps.step('end-cleanup'),
          raiseFailure: shared.raiseFailure,
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
    vault.grantPut(this.reconcile.role, 'journal', 'health');

    this.healthCheck = new Machine(this, 'HealthCheckMachine', {
      name: `${name}-health-check`,
      comment: 'Asks targets how they are, and checks the health of everything. Input: {}',
      timeout: Duration.hours(1),
      tasks: [tasks.askTargets],
      cluster: tasks.cluster,
      functions: [this.steps.get('check-health')],
      workflow: (machine) =>
        healthCheckWorkflow(machine, {
          checkHealth: this.steps.step('check-health'),
          task: tasks.toRun(tasks.askTargets),
        }),
    });
    this.watch = new BundledFunction(this, 'Watch', {
      bundle,
      program: 'watch',
      description: 'Notices missed, failed and stuck runs and everything else that is not as it should be',
      // Two at once would tell everything twice; the next one comes in five minutes.
      timeout: Duration.minutes(4),
      memoryMiB: 1024,
      permissions: [publishEvents(this)],
      environment: { ...vault.environment, HOLDFAST_CATALOG_FUNCTION: catalog.arn },
    });
    grantLook(this.watch, { vault, catalog, tasks });

    this.requests = new Requests(this, 'Requests', {
      bundle,
      vault,
      catalog,
      machines: {
        backup: this.backup,
        restore: this.restore,
        recovery: this.recovery,
        'restore-test': this.restoreTest,
        cleanup: this.cleanup,
      },
    });

    this.schedules = new Schedules(this, 'Schedules', {
      name,
      targets: config.targets,
      bundle,
      vault,
      catalog,
      backup: this.backup,
      restoreTest: this.restoreTest,
      restoreTests: config.restoreTests,
      cleanup: { machine: this.cleanup, ...config.cleanup, enabled: config.run.cleanup },
      reconcile: this.reconcile,
      watch: this.watch,
      healthCheck: { machine: this.healthCheck, schedule: config.health.schedule },
      takeRequests: this.requests.take,
      ...(stopsServices && { startServices: this.steps.get('start-services') }),
    });
    this.api = new Api(this, 'Api', {
      name: `${name}-api`,
      bundle,
      vault,
      catalog,
      backup: this.backup,
      restore: this.restore,
      recovery: this.recovery,
      restoreTest: this.restoreTest,
      cleanup: this.cleanup,
      schedules: this.schedules.function,
      validate: this.steps.get('validate-backup'),
    });
    this.#outputs(tasks);
  }

  /** What the command line looks up. */
  #outputs(tasks: Tasks): void {
    const outputs: Readonly<Record<string, readonly [string, string]>> = {
      BackupMachineArn: ['Start it with {"target":"…"}', this.backup.arn],
      RestoreTestMachineArn: ['Start it with {}, {"target":"…"} or {"backup":"…"}', this.restoreTest.arn],
      CleanupMachineArn: ['Start it with {} or {"dryRun":true}', this.cleanup.arn],
      RecoveryMachineArn: ['Start it with {"backup":"latest","target":"…","point":{…}}', this.recovery.arn],
      RestoreMachineArn: ['Start it with {"backup":"latest","target":"…"}', this.restore.arn],
      TaskSecurityGroupId: ['Let it into the security groups of the targets', tasks.securityGroup.securityGroupId],
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
