import { type IChainable, JsonPath, type State } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { functionStep } from './function-step.ts';
import type { StepFunction } from './steps.ts';

/**
 * A step that starts a service again which the run's task has stopped, however the task ended; usually that has done it itself. When even this
 * fails, the run goes on: the same function looks every five minutes for what nobody has started.
 */
export function startServices(scope: Construct, name: string, step: StepFunction, next: IChainable): State {
  const start = functionStep(scope, name, {
    ...step,
    comment: 'A task that was killed could not: the store says what was stopped, and with what count it is started',
    payload: { run: JsonPath.objectAt('$.run') },
  });
  start.addCatch(next, { resultPath: JsonPath.DISCARD }).next(next);
  return start;
}
