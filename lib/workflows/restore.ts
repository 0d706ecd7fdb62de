import { Choice, Condition, JsonPath, type State, Succeed } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { failurePath } from './failure-path.ts';
import { functionStep } from './function-step.ts';
import { runTask } from './run-task.ts';
import { startServices } from './start-services.ts';
import type { SharedSteps, StepFunction, TaskToRun } from './steps.ts';

export type RestoreWorkflowProps = SharedSteps & {
  readonly admitRestore: StepFunction;
  readonly task: TaskToRun;
};

/**
 * The restore workflow; its input can be as short as `{"backup":"latest","target":"orders","as":"orders_copy"}`. From admission on, the
 * state is `{ verdict, run, attempts, redriveCount }`.
 *
 * @returns the first state
 */
export function restoreWorkflow(scope: Construct, props: RestoreWorkflowProps): State {
  const run = JsonPath.objectAt('$.run');
  const admit = functionStep(scope, 'Admit the restore request', {
    ...props.admitRestore,
    comment: 'Finds the backup, checks that the destination may be written, takes its leases',
    payload: {
      request: JsonPath.objectAt('$$.Execution.Input'),
      execution: JsonPath.stringAt('$$.Execution.Name'),
      startedAt: JsonPath.stringAt('$$.Execution.StartTime'),
      redriveCount: JsonPath.numberAt('$$.Execution.RedriveCount'),
    },
    answer: 'replace',
  });
  const onFailure = failurePath(scope, props, admit);

  const complete = new Succeed(scope, 'Restore complete');
  const publish = functionStep(scope, 'Publish the outcome', {
    ...props.publishOutcome,
    comment: 'Metrics, and an event for whoever wants to know',
    payload: { run, recorded: JsonPath.objectAt('$.record.result') },
  });
  // What was restored has been compared and recorded; nobody gains by its being called a failure.
  publish.addCatch(complete, { resultPath: JsonPath.DISCARD }).next(complete);

  const release = functionStep(scope, 'Release the leases', {
    ...props.releaseLease,
    comment: 'Backups of the destination may run again',
    payload: { run },
  });
  release.addCatch(publish, { resultPath: JsonPath.DISCARD }).next(publish);

  const record = functionStep(scope, 'Record the restore', {
    ...props.recordOutcome,
    comment: 'Writes to the journal what was restored and how it compared, and from there to the catalog if that is up',
    payload: { run },
    answer: { at: '$.record', as: 'result' },
  });
  record.addCatch(onFailure, { resultPath: '$.failure' }).next(release);

  const restore = runTask(scope, {
    name: 'Restore and compare',
    comment:
      'A Fargate task restores beside what is there, compares every table with the manifest, and only then puts it in place',
    command: 'restore',
    task: props.task,
    judgeAttempt: props.judgeAttempt,
    onSuccess:
      props.startServices === undefined
        ? record
        : startServices(scope, 'Start what was stopped', props.startServices, record),
    onFailure,
  });
  admit.next(
    new Choice(scope, 'May it run?', { comment: 'Nothing is written over what another run is writing' })
      .when(Condition.stringEquals('$.verdict', 'admitted'), restore)
      .otherwise(onFailure),
  );
  return admit;
}
