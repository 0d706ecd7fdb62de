import { Duration } from 'aws-cdk-lib';
import { FargatePlatformVersion } from 'aws-cdk-lib/aws-ecs';
import {
  Choice,
  Condition,
  type IChainable,
  IntegrationPattern,
  JsonPath,
  Pass,
  type QueryLanguage,
  Timeout,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import { EcsFargateLaunchTarget, EcsRunTask } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { functionStep } from './function-step.ts';
import { startTaskRetry } from './retries.ts';
import type { StepFunction, TaskToRun } from './steps.ts';

/** Pulling the image before, and cleaning up after a deadline: what a task needs beside the program's own time. */
export const taskOverhead = Duration.minutes(10);

/** Runs the task that admission has chosen, at `$.taskDefinition`: targets may need other images, or see file systems. */
class RunChosenTask extends EcsRunTask {
  override toStateJson(topLevelQueryLanguage?: QueryLanguage): object {
    const state = super.toStateJson(topLevelQueryLanguage) as { readonly Parameters: Record<string, unknown> };
    const { TaskDefinition: _, ...parameters } = state.Parameters;
    return { ...state, Parameters: { 'TaskDefinition.$': '$.taskDefinition', ...parameters } };
  }
}

export type RunTaskProps = {
  /** The state's name, and what it does. */
  readonly name: string;
  readonly comment: string;
  /** The program's verb. */
  readonly command: 'backup' | 'restore' | 'restore-test';
  readonly task: TaskToRun;
  readonly judgeAttempt: StepFunction;
  /** Where it goes on when the task ended well. */
  readonly onSuccess: IChainable;
  /** Where it goes on when the task did what it could, and less than all. @default - as on failure */
  readonly onPartial?: IChainable;
  /** Where it goes on when it failed for good; `$.failure` then says why. */
  readonly onFailure: IChainable;
};

/**
 * Runs a task until it ends well or another attempt makes no sense. A task that ends with a code other than 0 fails the state, and all that
 * Step Functions learns is a text about the container; the program's own reason lies in the store, and a function that reads it decides.
 * The attempt's failure is at `$.failure` from then on.
 */
export function runTask(scope: Construct, props: RunTaskProps): EcsRunTask {
  const { task } = props;
  const run = new RunChosenTask(scope, props.name, {
    comment: props.comment,
    integrationPattern: IntegrationPattern.RUN_JOB,
    cluster: task.cluster,
    taskDefinition: task.taskDefinition,
    launchTarget: new EcsFargateLaunchTarget({ platformVersion: FargatePlatformVersion.VERSION1_4 }),
    assignPublicIp: task.assignPublicIp,
    subnets: task.subnets,
    securityGroups: [task.securityGroup],
    containerOverrides: [
      {
        containerDefinition: task.container,
        command: [props.command],
        environment: [{ name: 'HOLDFAST_RUN', value: JsonPath.jsonToString(JsonPath.objectAt('$.run')) }],
      },
    ],
    taskTimeout: Timeout.duration(task.deadline.plus(taskOverhead)),
    resultPath: JsonPath.DISCARD,
  });
  run.addRetry(startTaskRetry);

  const judge = functionStep(scope, 'Find out why the task ended', {
    function: props.judgeAttempt.function,
    timeout: props.judgeAttempt.timeout,
    comment: 'Reads what the program itself left in the store about its end: an exit code alone says too little',
    payload: {
      run: JsonPath.objectAt('$.run'),
      caught: JsonPath.objectAt('$.caught'),
      attempts: JsonPath.numberAt('$.attempts'),
    },
    answer: { at: '$.judged', fields: ['verdict', 'attempts', 'waitSeconds', 'failure'] },
  });
  const noteFailure = new Pass(scope, 'Note why it failed', {
    comment: 'The failure that the last attempt ended with is the failure of the run',
    inputPath: '$.judged.failure',
    resultPath: '$.failure',
  }).next(props.onFailure);
  const again = new Wait(scope, 'Wait before the next attempt', {
    comment: 'Longer after each attempt',
    time: WaitTime.secondsPath('$.judged.waitSeconds'),
  })
    .next(
      new Pass(scope, 'Count the attempt', {
        comment: 'So that attempts do not go on for ever',
        inputPath: '$.judged.attempts',
        resultPath: '$.attempts',
      }),
    )
    .next(run);
  const decide = new Choice(scope, 'Is another attempt worth it?', {
    comment: 'Only after failures that the error table calls retryable, and not without end',
  }).when(Condition.stringEquals('$.judged.verdict', 'retry'), again);
  if (props.onPartial !== undefined)
    decide.when(Condition.stringEquals('$.judged.verdict', 'partial'), props.onPartial);
  decide.otherwise(noteFailure);

  judge.next(decide);
  judge.addCatch(props.onFailure, { resultPath: '$.failure' });
  run.addCatch(judge, { resultPath: '$.caught' });
  run.next(props.onSuccess);
  return run;
}
