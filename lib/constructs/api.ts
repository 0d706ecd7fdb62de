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
  readonly restoreTest: Machine;
  readonly cleanup: Machine;
  /** What changes schedules, and what validates a backup: the API asks them, and may do neither itself. */
  readonly schedules: BundledFunction;
  readonly validate: BundledFunction;
  /** A function URL has no other throttle. @default 10 */
  readonly reservedConcurrency?: number;
};

/** The HTTP API: a function URL that IAM lets a caller through to, or not. There is no way in without a signature. */
export class Api extends Construct {
  readonly function: BundledFunction;
  readonly url: FunctionUrl;

  constructor(
    scope: Construct,
    id: string,
    { bundle, vault, catalog, backup, restore, restoreTest, cleanup, ...props }: ApiProps,
  ) {
    super(scope, id);
    this.function = new BundledFunction(this, 'Function', {
      bundle,
      program: 'api',
      name: props.name,
      description: 'Lists backups, runs, restores, schedules and reports, and asks for new ones',
      // A validation is waited for, and reads half a gigabyte at most.
      timeout: Duration.minutes(2),
      reservedConcurrency: props.reservedConcurrency ?? 10,
      permissions: [
        catalog.invokePermission('AskCatalog'),
        props.schedules.invokePermission('ChangeSchedules'),
        props.validate.invokePermission('ValidateBackups'),
      ],
      environment: {
        ...vault.environment,
        HOLDFAST_CATALOG_FUNCTION: catalog.arn,
        HOLDFAST_BACKUP_MACHINE: backup.arn,
        HOLDFAST_RESTORE_MACHINE: restore.arn,
        HOLDFAST_RESTORE_TEST_MACHINE: restoreTest.arn,
        HOLDFAST_CLEANUP_MACHINE: cleanup.arn,
        HOLDFAST_SCHEDULES_FUNCTION: props.schedules.arn,
        HOLDFAST_VALIDATE_FUNCTION: props.validate.arn,
      },
    });
    vault.grantList(this.function.role, 'backups', 'journal', 'requests', 'reports', 'idempotency', 'health');
    vault.grantGet(this.function.role, 'manifests', 'journal', 'requests', 'reports', 'idempotency', 'health');
    vault.grantPut(this.function.role, 'idempotency');
    this.#allowExecutions(this.function.role, { started: [backup, restore, restoreTest], followed: [cleanup] });
    this.url = this.function.function.addFunctionUrl({ authType: FunctionUrlAuthType.AWS_IAM });
  }

  /** Lets `caller` call the API: two permissions, since a function URL asks for both. */
  grantCall(caller: IGrantable): void {
    this.url.grantInvokeUrl(caller);
  }

  #allowExecutions(
    role: Role,
    { started, followed }: { readonly started: readonly Machine[]; readonly followed: readonly Machine[] },
  ): void {
    const stack = Stack.of(this);
    const machines = [...started, ...followed];
    allow(role, {
      sid: 'Start',
      actions: ['states:StartExecution'],
      resources: started.map((machine) => machine.arn),
    });
    allow(role, {
      sid: 'List',
      actions: ['states:ListExecutions'],
      resources: machines.map((machine) => machine.arn),
    });
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
