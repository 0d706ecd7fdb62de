import { Choice, Condition, JsonPath, type State, Succeed } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { failurePath } from './failure-path.ts';
import { functionStep } from './function-step.ts';
import { runTask } from './run-task.ts';
import type { SharedSteps, StepFunction, TaskToRun } from './steps.ts';

export type RestoreTestWorkflowProps = Omit<SharedSteps, 'releaseLease'> & {
  readonly admitRestoreTest: StepFunction;
  readonly task: TaskToRun;
};

/**
 * The restore test workflow; its input can be `{}`, and a backup is chosen, `{"target":"orders"}` or `{"backup":"…"}`. From admission on, the
 * state is `{ verdict, run, attempts, redriveCount }`. No lease is held: a test reads the store and touches no target.
 *
 * @returns the first state
 */
export function restoreTestWorkflow(scope: Construct, props: RestoreTestWorkflowProps): State {
  const run = JsonPath.objectAt('$.run');
  const admit = functionStep(scope, 'Choose and admit the backup', {
    ...props.admitRestoreTest,
    comment: 'The backup that was named, or one by chance: most likely the newest of the target longest unverified',
    payload: {
      request: JsonPath.objectAt('$$.Execution.Input'),
      execution: JsonPath.stringAt('$$.Execution.Name'),
      startedAt: JsonPath.stringAt('$$.Execution.StartTime'),
      redriveCount: JsonPath.numberAt('$$.Execution.RedriveCount'),
    },
    answer: 'replace',
  });
  const onFailure = failurePath(scope, props, admit);

  const complete = new Succeed(scope, 'Restore test passed');
  const publish = functionStep(scope, 'Publish the outcome', {
    ...props.publishOutcome,
    comment: 'Metrics, and an event for whoever wants to know',
    payload: { run, recorded: JsonPath.objectAt('$.record.result') },
  });
  // The proof is recorded; that nobody was told shows as the absence of a success.
  publish.addCatch(complete, { resultPath: JsonPath.DISCARD }).next(complete);

  const record = functionStep(scope, 'Record the restore test', {
    ...props.recordOutcome,
    comment: 'Writes down that the backup is verified, and how long a recovery would have taken',
    payload: { run },
    answer: { at: '$.record', as: 'result' },
  });
  record.addCatch(onFailure, { resultPath: '$.failure' }).next(publish);

  const test = runTask(scope, {
    name: 'Restore into a server of its own and examine it',
    comment:
      'A Fargate task with no way to any target starts a database server, restores, compares every table, checks structures and asks the assertions',
    command: 'restore-test',
    task: props.task,
    judgeAttempt: props.judgeAttempt,
    onSuccess: record,
    onFailure,
  });
  admit.next(
    new Choice(scope, 'Is there a backup to test?', {
      comment: 'A new installation has none yet, and that is no failure',
    })
      .when(Condition.stringEquals('$.verdict', 'admitted'), test)
      .otherwise(new Succeed(scope, 'Nothing to test yet')),
  );
  return admit;
}
