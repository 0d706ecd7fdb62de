import { type IChainable, JsonPath, type State } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { functionStep } from './function-step.ts';
import { serviceRetry } from './retries.ts';
import { startServices } from './start-services.ts';
import type { SharedSteps } from './steps.ts';

/** A workflow that takes no lease has none to give back. */
type FailureSteps = Omit<SharedSteps, 'releaseLease'> & Partial<Pick<SharedSteps, 'releaseLease'>>;

/**
 * What happens after a failure, whatever it was: start again what was stopped for it, record it, give the lease back if there is one, tell someone, and end under the failure's own name. Each step
 * is tried even when the one before it failed. Expects `$.run` and `$.failure`, which is a failure of ours or what a `Catch` left.
 *
 * @returns the first state of the path
 */
export function failurePath(scope: Construct, steps: FailureSteps, admission: IChainable): State {
  const payload = { run: JsonPath.objectAt('$.run'), failure: JsonPath.objectAt('$.failure') };
  const record = functionStep(scope, 'Record the failure', {
    ...steps.recordOutcome,
    comment: 'Writes it to the journal, and from there to the catalog',
    payload,
  });
  const publish = functionStep(scope, 'Publish the failure', {
    ...steps.publishOutcome,
    comment: 'Metrics, and an event that alerts are made of',
    payload,
  });
  const end = functionStep(scope, 'End as failed', {
    ...steps.raiseFailure,
    comment:
      "Fails the execution under the failure's own code. A redrive, which runs this step again, begins anew instead",
    retry: serviceRetry,
    payload: {
      failure: payload.failure,
      redriveCount: JsonPath.numberAt('$$.Execution.RedriveCount'),
      admittedAt: JsonPath.numberAt('$.redriveCount'),
    },
  });
  end.next(admission);

  const despiteFailure = { resultPath: JsonPath.DISCARD };
  const release =
    steps.releaseLease &&
    functionStep(scope, 'Release the lease after the failure', {
      ...steps.releaseLease,
      comment: 'So that the next run need not wait until the lease runs out',
      payload: { run: payload.run },
    });
  release?.addCatch(publish, despiteFailure).next(publish);
  record.addCatch(release ?? publish, despiteFailure).next(release ?? publish);
  publish.addCatch(end, despiteFailure).next(end);
  if (steps.startServices === undefined) return record;
  return startServices(scope, 'Start what was stopped, after the failure', steps.startServices, record);
}
