import { Choice, Condition, JsonPath, type State, Succeed } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { functionStep } from './function-step.ts';
import { serviceRetry } from './retries.ts';
import type { StepFunction } from './steps.ts';

export type CleanupWorkflowProps = {
  readonly planCleanup: StepFunction;
  readonly sweepExpired: StepFunction;
  readonly endCleanup: StepFunction;
  readonly raiseFailure: StepFunction;
};

/**
 * The cleanup workflow; its input can be as short as `{}`, or `{"dryRun":true}`, or `{"target":"orders"}`. From the plan on, the state is
 * `{ run, plan, progress, redriveCount }`. The plan itself may be long, and is an object in the store that `run.cleanupId` names.
 *
 * @returns the first state
 */
export function cleanupWorkflow(scope: Construct, props: CleanupWorkflowProps): State {
  const run = JsonPath.objectAt('$.run');
  const totals = JsonPath.objectAt('$.progress.totals');
  const plan = functionStep(scope, 'Plan the cleanup', {
    ...props.planCleanup,
    comment: 'Decides for every backup whether it is kept, and why, from the store alone. Removes nothing',
    payload: {
      request: JsonPath.objectAt('$$.Execution.Input'),
      execution: JsonPath.stringAt('$$.Execution.Name'),
      startedAt: JsonPath.stringAt('$$.Execution.StartTime'),
      redriveCount: JsonPath.numberAt('$$.Execution.RedriveCount'),
    },
    answer: 'replace',
  });

  const failure = JsonPath.objectAt('$.failure');
  const recordFailure = functionStep(scope, 'Record the failed cleanup', {
    ...props.endCleanup,
    comment: 'Writes down how far it came; what it had begun, the next cleanup goes on with',
    payload: { run, totals, failure },
  });
  const end = functionStep(scope, 'End as failed', {
    ...props.raiseFailure,
    comment:
      "Fails the execution under the failure's own code. A redrive, which runs this step again, makes a new plan instead",
    retry: serviceRetry,
    payload: {
      failure,
      redriveCount: JsonPath.numberAt('$$.Execution.RedriveCount'),
      admittedAt: JsonPath.numberAt('$.redriveCount'),
    },
  });
  end.next(plan);
  recordFailure.addCatch(end, { resultPath: JsonPath.DISCARD }).next(end);

  const complete = new Succeed(scope, 'Cleanup complete');
  const record = functionStep(scope, 'Record the cleanup', {
    ...props.endCleanup,
    comment: 'Writes down what was removed and freed, lets the next cleanup run, and tells whoever wants to know',
    payload: { run, totals },
  });
  // What was removed is in the journal, backup by backup.
  record.addCatch(complete, { resultPath: JsonPath.DISCARD }).next(complete);

  const sweep = functionStep(scope, 'Remove what has expired', {
    ...props.sweepExpired,
    comment: 'As much of the plan as fits its time: the journal first, the manifest second, the data third',
    payload: { run, progress: JsonPath.objectAt('$.progress') },
    answer: { at: '$.progress', fields: ['next', 'isDone', 'totals'] },
  });
  const isMore = new Choice(scope, 'Is anything left to do?', {
    comment: 'A long plan is done in several steps, each of which ends in time',
  })
    .when(Condition.booleanEquals('$.progress.isDone', false), sweep)
    .otherwise(record);
  sweep.addCatch(recordFailure, { resultPath: '$.failure' }).next(isMore);

  plan.next(
    new Choice(scope, 'May it remove anything?', {
      comment: 'A dry run ends here: its plan is in the store',
    })
      .when(Condition.booleanEquals('$.run.dryRun', true), new Succeed(scope, 'Planned, nothing removed'))
      .otherwise(isMore),
  );
  return plan;
}
