import { Choice, Condition, JsonPath, Pass, Result, type State, Succeed } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { errorTable } from '../core/error-table.ts';
import { failurePath } from './failure-path.ts';
import { functionStep } from './function-step.ts';
import { runTask } from './run-task.ts';
import { startServices } from './start-services.ts';
import type { SharedSteps, StepFunction, TaskToRun } from './steps.ts';

export type BackupWorkflowProps = SharedSteps & {
  readonly admitBackup: StepFunction;
  readonly validateBackup: StepFunction;
  readonly task: TaskToRun;
};

/**
 * The backup workflow; its input can be as short as `{"target":"orders"}`. From admission on, the state is
 * `{ verdict, run, attempts, redriveCount }`, to which steps add `judged`, `failure`, `validation` and `record`.
 *
 * @returns the first state
 */
export function backupWorkflow(scope: Construct, props: BackupWorkflowProps): State {
  const run = JsonPath.objectAt('$.run');
  const admit = functionStep(scope, 'Admit the backup request', {
    ...props.admitBackup,
    comment:
      'Completes the request, takes the lease, and writes down that it began. One slot of a schedule is one backup',
    payload: {
      // The execution's own input, because a redrive comes here from the end, with another state.
      request: JsonPath.objectAt('$$.Execution.Input'),
      execution: JsonPath.stringAt('$$.Execution.Name'),
      startedAt: JsonPath.stringAt('$$.Execution.StartTime'),
      redriveCount: JsonPath.numberAt('$$.Execution.RedriveCount'),
    },
    answer: 'replace',
  });
  const onFailure = failurePath(scope, props, admit);

  const publish = functionStep(scope, 'Publish the outcome', {
    ...props.publishOutcome,
    comment: 'Metrics, and an event for whoever wants to know',
    payload: {
      run,
      validation: JsonPath.objectAt('$.validation.report'),
      recorded: JsonPath.objectAt('$.record.result'),
    },
  });
  const complete = new Succeed(scope, 'Backup complete');
  // The backup is good and recorded; that nobody was told shows as the absence of a success, which raises an alarm.
  publish.addCatch(complete, { resultPath: JsonPath.DISCARD }).next(complete);

  const release = functionStep(scope, 'Release the lease', {
    ...props.releaseLease,
    comment: 'Others may write now',
    payload: { run },
  });
  // A lease that was not released runs out by itself.
  release.addCatch(publish, { resultPath: JsonPath.DISCARD }).next(publish);

  const record = functionStep(scope, 'Record the backup', {
    ...props.recordOutcome,
    comment: 'Writes it to the journal, and from there to the catalog if that is up',
    payload: { run, validation: JsonPath.objectAt('$.validation.report') },
    answer: { at: '$.record', as: 'result' },
  });
  record.addCatch(onFailure, { resultPath: '$.failure' }).next(release);

  const isWhole = new Choice(scope, 'Was everything backed up?', {
    comment: 'A backup that lacks a database is kept and can be restored, but is no success',
  })
    .when(Condition.stringEquals('$.validation.report.status', 'complete'), record)
    .when(Condition.isPresent('$.failure'), onFailure)
    .otherwise(
      new Pass(scope, 'Say that it is partial', {
        comment: 'The manifest says that something is missing, though the task did not',
        result: Result.fromObject({
          code: 'partial',
          message: 'a part of the backup failed; the rest is in the store and can be restored',
          hint: errorTable.partial.hint,
        }),
        resultPath: '$.failure',
      }).next(onFailure),
    );

  const validate = functionStep(scope, 'Validate the backup', {
    ...props.validateBackup,
    comment:
      'Reads back what was written, with other eyes than the writer: sizes, hashes, decryption, the format itself',
    payload: { run },
    answer: { at: '$.validation', as: 'report' },
  });
  validate.addCatch(onFailure, { resultPath: '$.failure' }).next(isWhole);

  const afterTask =
    props.startServices === undefined
      ? validate
      : startServices(scope, 'Start what was stopped', props.startServices, validate);
  const write = runTask(scope, {
    name: 'Write the backup to the store',
    comment: 'A Fargate task streams the source to the store; its manifest, written last, makes it a backup',
    command: 'backup',
    task: props.task,
    judgeAttempt: props.judgeAttempt,
    onSuccess: afterTask,
    onPartial: new Pass(scope, 'Note what is missing', {
      comment: 'There is a backup, and it is checked like any other, but the run will not count as a success',
      inputPath: '$.judged.failure',
      resultPath: '$.failure',
    }).next(afterTask),
    onFailure,
  });

  admit.next(
    new Choice(scope, 'Is it a new request?', {
      comment: 'A schedule may fire twice; the second finds the first. One writer at a time: others are refused',
    })
      .when(Condition.stringEquals('$.verdict', 'admitted'), write)
      .when(Condition.stringEquals('$.verdict', 'refused'), onFailure)
      .otherwise(new Succeed(scope, 'Asked for before, nothing to do')),
  );
  return admit;
}
