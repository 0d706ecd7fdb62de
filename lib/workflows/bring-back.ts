import { type IChainable, JsonPath, Succeed } from 'aws-cdk-lib/aws-stepfunctions';
import type { EcsRunTask } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { functionStep } from './function-step.ts';
import { runTask } from './run-task.ts';
import { startServices } from './start-services.ts';
import type { SharedSteps, StepFunction, TaskToRun } from './steps.ts';

/** The steps of every workflow that brings something back. */
export type BringBackSteps = SharedSteps & {
  readonly admitRestore: StepFunction;
  readonly task: TaskToRun;
};

/** Admission of what is to be brought back, as the first state of a workflow. `canWait`: can it ask somebody? */
export function admitRestoreStep(
  scope: Construct,
  { admitRestore }: BringBackSteps,
  { name, canWait }: { readonly name: string; readonly canWait: boolean },
) {
  return functionStep(scope, name, {
    ...admitRestore,
    comment: 'Finds the backup, checks that the destination may be written, marks what it reads as in use',
    payload: {
      request: JsonPath.objectAt('$$.Execution.Input'),
      execution: JsonPath.stringAt('$$.Execution.Name'),
      startedAt: JsonPath.stringAt('$$.Execution.StartTime'),
      redriveCount: JsonPath.numberAt('$$.Execution.RedriveCount'),
      ...(canWait && { canWait: true }),
    },
    answer: 'replace',
  });
}

export type Names = {
  readonly task: { readonly name: string; readonly comment: string };
  readonly record: string;
  readonly complete: string;
};

/**
 * From the task to the end: bring back and compare, record, release, publish. Expects what admission answers.
 *
 * `check` stands between task and record, `handOver` before the end; each is given what follows it.
 *
 * @returns the task
 */
export function bringBack(
  scope: Construct,
  steps: BringBackSteps,
  options: {
    readonly names: Names;
    readonly onFailure: IChainable;
    readonly check?: (next: IChainable) => IChainable;
    readonly handOver?: (next: IChainable) => IChainable;
  },
): EcsRunTask {
  const { names, onFailure } = options;
  const run = JsonPath.objectAt('$.run');
  const succeed = new Succeed(scope, names.complete);
  const complete = options.handOver?.(succeed) ?? succeed;
  const publish = functionStep(scope, 'Publish the outcome', {
    ...steps.publishOutcome,
    comment: 'Metrics, and an event for whoever wants to know',
    payload: { run, recorded: JsonPath.objectAt('$.record.result') },
  });
  // What was restored has been compared and recorded; nobody gains by its being called a failure.
  publish.addCatch(complete, { resultPath: JsonPath.DISCARD }).next(complete);

  const release = functionStep(scope, 'Release the leases', {
    ...steps.releaseLease,
    comment: 'Backups of the destination may run again',
    payload: { run },
  });
  release.addCatch(publish, { resultPath: JsonPath.DISCARD }).next(publish);

  const record = functionStep(scope, names.record, {
    ...steps.recordOutcome,
    comment: 'Writes to the journal what was restored and how it compared, and from there to the catalog if that is up',
    payload: { run },
    answer: { at: '$.record', as: 'result' },
  });
  record.addCatch(onFailure, { resultPath: '$.failure' }).next(release);

  const afterTask = options.check?.(record) ?? record;
  return runTask(scope, {
    ...names.task,
    command: 'restore',
    task: steps.task,
    judgeAttempt: steps.judgeAttempt,
    onSuccess:
      steps.startServices === undefined
        ? afterTask
        : startServices(scope, 'Start what was stopped', steps.startServices, afterTask),
    onFailure,
  });
}
