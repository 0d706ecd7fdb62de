import { Duration, Stack } from 'aws-cdk-lib';
import type { IGrantable, Role } from 'aws-cdk-lib/aws-iam';
import { type FunctionUrl, FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { allow } from './allow.ts';
import type { Bundle } from './bundle.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Machine } from './machine.ts';
import type { Vault } from './vault.ts';

export type ApiProps = {
  /** The function's name, by which the command line finds its URL. */
  readonly name: string;
  readonly bundle: Bundle;
  readonly vault: Vault;
  readonly catalog: BundledFunction;
  readonly backup: Machine;
  readonly restore: Machine;
  readonly recovery: Machine;
  readonly restoreTest: Machine;
  readonly cleanup: Machine;
  /** What changes schedules, and what validates a backup: the API asks them, and may do neither itself. */
  readonly schedules: BundledFunction;
  readonly validate: BundledFunction;
  /** A function URL has no other throttle. @default 10 */
  readonly reservedConcurrency?: number;
};

/** What the API shows of the vault beside its backups. */
const lookedAt = ['journal', 'requests', 'leases', 'cleanups', 'reports', 'idempotency', 'health'] as const;

/** The HTTP API: a function URL that IAM lets a caller through to, or not. There is no way in without a signature. */
export class Api extends Construct {
  readonly function: BundledFunction;
  /** Holds and releases backups for the API, which may write nothing but its own keys. */
  readonly hold: BundledFunction;
  readonly url: FunctionUrl;

  constructor(
    scope: Construct,
    id: string,
    { bundle, vault, catalog, backup, restore, recovery, restoreTest, cleanup, ...props }: ApiProps,
  ) {
    super(scope, id);
    this.hold = this.#holder({ bundle, vault, catalog });
    this.function = new BundledFunction(this, 'Function', {
      bundle,
      program: 'api',
      name: props.name,
      description:
        'Lists backups, runs, restores, schedules and reports, asks for new ones, and holds and removes old ones',
      // A validation is waited for, and reads half a gigabyte at most.
      timeout: Duration.minutes(2),
      reservedConcurrency: props.reservedConcurrency ?? 10,
      permissions: [
        catalog.invokePermission('AskCatalog'),
        props.schedules.invokePermission('ChangeSchedules'),
        props.validate.invokePermission('ValidateBackups'),
        this.hold.invokePermission('HoldBackups'),
      ],
      environment: {
        ...vault.environment,
        HOLDFAST_CATALOG_FUNCTION: catalog.arn,
        HOLDFAST_BACKUP_MACHINE: backup.arn,
        HOLDFAST_RESTORE_MACHINE: restore.arn,
        HOLDFAST_RECOVERY_MACHINE: recovery.arn,
        HOLDFAST_RESTORE_TEST_MACHINE: restoreTest.arn,
        HOLDFAST_CLEANUP_MACHINE: cleanup.arn,
        HOLDFAST_SCHEDULES_FUNCTION: props.schedules.arn,
        HOLDFAST_VALIDATE_FUNCTION: props.validate.arn,
        HOLDFAST_HOLD_FUNCTION: this.hold.arn,
      },
    });
    vault.grantList(this.function.role, ...lookedAt, 'backups');
    vault.grantGet(this.function.role, ...lookedAt, 'manifests');
    vault.grantPut(this.function.role, 'idempotency');
    this.#allowExecutions(this.function.role, [backup, restore, recovery, restoreTest, cleanup]);
    this.url = this.function.function.addFunctionUrl({ authType: FunctionUrlAuthType.AWS_IAM });
  }

  /** Lets `caller` call the API: two permissions, since a function URL asks for both. */
  grantCall(caller: IGrantable): void {
    this.url.grantInvokeUrl(caller);
  }

  /** The locks of the store follow at the next cleanup, whose role alone may change them; what counts is the journal. */
  #holder({ bundle, vault, catalog }: Pick<ApiProps, 'bundle' | 'vault' | 'catalog'>): BundledFunction {
    const made = new BundledFunction(this, 'Hold', {
      bundle,
      program: 'hold-backup',
      description: 'Holds a backup, so that no cleanup removes it, and releases it',
      timeout: Duration.minutes(1),
      permissions: [catalog.invokePermission('TellCatalog')],
      environment: { ...vault.environment, HOLDFAST_CATALOG_FUNCTION: catalog.arn },
    });
    vault.grantList(made.role, 'backups', 'journal');
    vault.grantGet(made.role, 'manifests', 'journal');
    vault.grantPut(made.role, 'journal');
    return made;
  }

  #allowExecutions(role: Role, machines: readonly Machine[]): void {
    const stack = Stack.of(this);
    for (const [sid, action] of [
      ['Start', 'states:StartExecution'],
      ['List', 'states:ListExecutions'],
    ] as const)
      allow(role, { sid, actions: [action], resources: machines.map((machine) => machine.arn) });
    allow(role, {
      sid: 'Follow',
      actions: ['states:DescribeExecution'],
      resources: machines.map((machine) =>
        stack.formatArn({ service: 'states', resource: `execution:${machine.machine.stateMachineName}:*` }),
      ),
      wildcardReason: 'executions of our own state machines, whose names are made when they start',
    });
  }
}
