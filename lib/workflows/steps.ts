import type { Duration } from 'aws-cdk-lib';
import type { ISecurityGroup, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { ContainerDefinition, ICluster, TaskDefinition } from 'aws-cdk-lib/aws-ecs';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';

/** A function and how long it may take. */
export type StepFunction = { readonly function: IFunction; readonly timeout: Duration };

/** The functions that the workflows share. */
export type SharedSteps = {
  readonly judgeAttempt: StepFunction;
  readonly recordOutcome: StepFunction;
  readonly releaseLease: StepFunction;
  readonly publishOutcome: StepFunction;
  readonly raiseFailure: StepFunction;
  /** Starts a service again that the run's task has stopped. @default - no task stops one */
  readonly startServices?: StepFunction;
};

/** The Fargate task of a workflow. */
export type TaskToRun = {
  readonly cluster: ICluster;
  readonly taskDefinition: TaskDefinition;
  readonly container: ContainerDefinition;
  readonly subnets: SubnetSelection;
  readonly securityGroup: ISecurityGroup;
  readonly assignPublicIp: boolean;
  /** After this long the program stops itself. */
  readonly deadline: Duration;
};
