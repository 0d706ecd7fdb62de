import { ArnFormat, type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { ICluster } from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, type State, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { acknowledge } from '../checks/acknowledge.ts';
import { allow } from './allow.ts';
import type { BundledFunction } from './bundled-function.ts';
import type { Task } from './task.ts';

export type MachineProps = {
  /** The name that operators see in the console, and type. */
  readonly name: string;
  readonly comment: string;
  /** Builds the workflow below the given scope. */
  readonly workflow: (scope: Construct) => State;
  /** Longer than anything that the workflow does. */
  readonly timeout: Duration;
  readonly functions: readonly BundledFunction[];
  /** The tasks that it may run. @default - none */
  readonly tasks?: readonly Task[];
  /** Where they run. */
  readonly cluster: ICluster;
};

/** A state machine with a role that may invoke its own functions, run its own tasks if it has any, and nothing else. */
export class Machine extends Construct {
  readonly machine: StateMachine;

  constructor(scope: Construct, id: string, props: MachineProps) {
    super(scope, id);
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('states.amazonaws.com'),
      description: `Holdfast: runs the steps of ${props.name}`,
    });
    this.#allowSteps(role, props);
    const logGroup = new LogGroup(this, 'Log', {
      logGroupName: `/aws/vendedlogs/states/${props.name}`,
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.machine = new StateMachine(this, 'Machine', {
      stateMachineName: props.name,
      comment: props.comment,
      definitionBody: DefinitionBody.fromChainable(props.workflow(this)),
      timeout: props.timeout,
      role: role.withoutPolicyUpdates(),
      logs: { destination: logGroup, level: LogLevel.ERROR, includeExecutionData: false },
    });
    this.machine.node.addDependency(role);
    acknowledge(
      this.machine,
      'AwsSolutions-SF1',
      'every step is in the execution history and in the journal; a copy of every input in a log would only widen who reads it',
    );
    acknowledge(
      this.machine,
      'AwsSolutions-SF2',
      'the journal times every step of every run; sampled traces would add a grant and no knowledge',
    );
  }

  get arn(): string {
    return this.machine.stateMachineArn;
  }

  #allowSteps(role: Role, { functions, tasks = [], cluster }: MachineProps): void {
    allow(role, {
      sid: 'InvokeSteps',
      actions: ['lambda:InvokeFunction'],
      resources: functions.map((step) => step.arn),
    });
    if (tasks.length > 0) this.#allowTasks(role, tasks, cluster);
    allow(role, {
      sid: 'DeliverLog',
      actions: [
        'logs:CreateLogDelivery',
        'logs:GetLogDelivery',
        'logs:UpdateLogDelivery',
        'logs:DeleteLogDelivery',
        'logs:ListLogDeliveries',
        'logs:PutResourcePolicy',
        'logs:DescribeResourcePolicies',
        'logs:DescribeLogGroups',
      ],
      resources: ['*'],
      wildcardReason:
        'log delivery is set up by Step Functions with these actions, for which CloudWatch Logs takes no resource',
    });
  }

  #allowTasks(role: Role, tasks: readonly Task[], cluster: ICluster): void {
    const stack = Stack.of(this);
    allow(role, {
      sid: 'RunTask',
      actions: ['ecs:RunTask'],
      resources: tasks.map(({ definition }) =>
        stack.formatArn({ service: 'ecs', resource: 'task-definition', resourceName: `${definition.family}:*` }),
      ),
      wildcardReason:
        'the workflow names the family, so that a redrive after a deployment runs the newest revision and is not denied',
    });
    allow(role, {
      sid: 'WatchTask',
      actions: ['ecs:StopTask', 'ecs:DescribeTasks'],
      resources: [stack.formatArn({ service: 'ecs', resource: 'task', resourceName: `${cluster.clusterName}/*` })],
      wildcardReason: 'a task gets its id when it starts; the cluster holds no other tasks than ours',
    });
    allow(role, {
      sid: 'HandRolesToTask',
      actions: ['iam:PassRole'],
      resources: tasks.flatMap(({ definition }) => [
        definition.taskRole.roleArn,
        definition.obtainExecutionRole().roleArn,
      ]),
      conditions: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    });
    allow(role, {
      sid: 'HearOfTaskEnd',
      actions: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
      resources: [
        stack.formatArn({
          service: 'events',
          resource: 'rule',
          resourceName: 'StepFunctionsGetEventsForECSTaskRule',
          arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
        }),
      ],
    });
  }
}
