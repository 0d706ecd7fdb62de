import { Duration, Stack } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { MachineKind } from '../config/runtime.ts';
import { allow } from './allow.ts';
import type { Bundle } from './bundle.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Machine } from './machine.ts';
import type { Vault } from './vault.ts';

export type RequestsProps = {
  readonly bundle: Bundle;
  readonly vault: Vault;
  readonly catalog: BundledFunction;
  /** What can be asked for by SQL. A kind that is missing here is refused where it is asked for. */
  readonly machines: Readonly<Partial<Record<MachineKind, Machine>>>;
};

/**
 * What takes the requests that SQL functions queue in the catalog and starts them: each minute (see `Schedules`), when a run ends, since the
 * next may wait for that, and whenever the catalog's server invokes it.
 */
export class Requests extends Construct {
  readonly take: BundledFunction;

  constructor(scope: Construct, id: string, { bundle, vault, catalog, machines }: RequestsProps) {
    super(scope, id);
    const byKind = Object.entries(machines);
    this.take = new BundledFunction(this, 'Take', {
      bundle,
      program: 'take-requests',
      description: 'Starts what was asked for by SQL, and ends requests whose run was lost',
      timeout: Duration.minutes(1),
      permissions: [catalog.invokePermission('AskCatalog')],
      environment: {
        ...vault.environment,
        HOLDFAST_CATALOG_FUNCTION: catalog.arn,
        ...Object.fromEntries(
          byKind.map(([kind, { arn }]) => [`HOLDFAST_${kind.replace('-', '_').toUpperCase()}_MACHINE`, arn]),
        ),
      },
    });
    vault.grantList(this.take.role, 'journal', 'leases');
    vault.grantGet(this.take.role, 'journal', 'leases');
    vault.grantPut(this.take.role, 'journal');
    allow(this.take.role, {
      sid: 'Start',
      actions: ['states:StartExecution'],
      resources: byKind.map(([, { arn }]) => arn),
    });
    allow(this.take.role, {
      sid: 'Follow',
      actions: ['states:DescribeExecution'],
      resources: byKind.map(([, { machine }]) =>
        Stack.of(this).formatArn({ service: 'states', resource: `execution:${machine.stateMachineName}:*` }),
      ),
      wildcardReason: 'executions of our own state machines, whose names are made when they are asked for',
    });
    if (machines.recovery !== undefined)
      allow(this.take.role, {
        sid: 'PassOnDecisions',
        actions: ['states:SendTaskSuccess', 'states:SendTaskFailure'],
        resources: ['*'],
        wildcardReason:
          'Step Functions takes no resource for an answer: whose it is says its token, and only the catalog has those of recoveries',
      });
    new Rule(this, 'RunEnded', {
      description: 'Holdfast: a run has ended, and a request may wait for that',
      eventPattern: { source: ['holdfast'] },
      targets: [new LambdaFunction(this.take.function)],
    });
  }
}
