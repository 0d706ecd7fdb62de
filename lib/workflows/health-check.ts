import { FargatePlatformVersion } from 'aws-cdk-lib/aws-ecs';
import { IntegrationPattern, JsonPath, Pass, type State, Succeed, Timeout } from 'aws-cdk-lib/aws-stepfunctions';
import { EcsFargateLaunchTarget, EcsRunTask } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { functionStep } from './function-step.ts';
import { startTaskRetry } from './retries.ts';
import { taskOverhead } from './run-task.ts';
import type { StepFunction, TaskToRun } from './steps.ts';

export type HealthCheckWorkflowProps = { readonly checkHealth: StepFunction; readonly task: TaskToRun };

/**
 * The health check; its input is `{}`. Only a task is in the network of the targets, so a task asks them and leaves their answers in the
 * store; a function then looks at those and at everything else. Without answers it says that they are not known, and checks the rest.
 *
 * @returns the first state
 */
export function healthCheckWorkflow(scope: Construct, { checkHealth, task }: HealthCheckWorkflowProps): State {
  const check = functionStep(scope, 'Check the health', {
    ...checkHealth,
    comment: 'Late and failed backups, missed schedules, stale leases, WAL, key, catalog; the report goes to the store',
    payload: {},
    answer: 'replace',
  });
  check.next(new Succeed(scope, 'Health checked'));

  const ask = new EcsRunTask(scope, 'Ask the targets', {
    comment: 'Does each answer, and does it archive its WAL?',
    integrationPattern: IntegrationPattern.RUN_JOB,
    cluster: task.cluster,
    taskDefinition: task.taskDefinition,
    launchTarget: new EcsFargateLaunchTarget({ platformVersion: FargatePlatformVersion.VERSION1_4 }),
    assignPublicIp: task.assignPublicIp,
    subnets: task.subnets,
    securityGroups: [task.securityGroup],
    containerOverrides: [{ containerDefinition: task.container, command: ['ask-targets'] }],
    taskTimeout: Timeout.duration(taskOverhead),
    resultPath: JsonPath.DISCARD,
  });
  ask.addRetry(startTaskRetry);
  const without = new Pass(scope, 'Go on without their answers', {
    comment: 'What the store says is worth a check of its own; the report says what is not known',
  });
  ask.addCatch(without, { resultPath: JsonPath.DISCARD });
  without.next(check);
  ask.next(check);
  return ask;
}
