import { type IChainable, JsonPath, type State } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { functionStep } from './function-step.ts';
import { serviceRetry } from './retries.ts';
import type { SharedSteps } from './steps.ts';

/**
 * What happens after a failure, whatever it was: record it, give the lease back, tell someone, and end under the failure's own name. Each step
 * is tried even when the one before it failed. Expects `$.run` and `$.failure`, which is a failure of ours or what a `Catch` left.
 *
 * @returns the first state of the path
 */
export function failurePath(scope: Construct, steps: SharedSteps, admission: IChainable): State {
  const payload = { run: JsonPath.objectAt('$.run'), failure: JsonPath.objectAt('$.failure') };
  const record = functionStep(scope, 'Record the failure', {
    ...steps.recordOutcome,
    comment: 'Writes it to the journal, and from there to the catalog',
    payload,
  });
  const release = functionStep(scope, 'Release the lease after the failure', {
    ...steps.releaseLease,
    comment: 'So that the next run need not wait until the lease runs out',
    payload: { run: payload.run },
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
  record.addCatch(release, despiteFailure).next(release);
  release.addCatch(publish, despiteFailure).next(publish);
  publish.addCatch(end, despiteFailure).next(end);
  return record;
}
