import { Duration } from 'aws-cdk-lib';
import {
  type IChainable,
  IntegrationPattern,
  JsonPath,
  Pass,
  Result,
  TaskInput,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { errorTable } from '../core/error-table.ts';
import { functionRetry } from './retries.ts';
import type { StepFunction } from './steps.ts';

/** Whom a workflow asks, and for how long. */
export type ApprovalStep = { readonly askApproval: StepFunction; readonly approvalHours: number };

/** How long the state waits: whole seconds. */
export const approvalTime = (hours: number): Duration => Duration.seconds(Math.max(1, Math.ceil(hours * 3600)));

/**
 * A state that waits until a second person has approved the run at `$.run`, without anything running meanwhile: a function keeps its token
 * where decisions are made, and tells people. A refusal ends under `recovery-refused`, silence under `approval-expired`.
 */
export function waitForApproval(
  scope: Construct,
  { askApproval, approvalHours }: ApprovalStep,
  { onApproval, onFailure }: { readonly onApproval: IChainable; readonly onFailure: IChainable },
): LambdaInvoke {
  const wait = new LambdaInvoke(scope, 'Wait for a second person', {
    lambdaFunction: askApproval.function,
    integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
    comment:
      'Asks for approval, and waits for the answer to its token: by SQL or the API, by somebody else than the one who asked',
    payload: TaskInput.fromObject({
      run: JsonPath.objectAt('$.run'),
      request: JsonPath.objectAt('$$.Execution.Input'),
      startedAt: JsonPath.stringAt('$$.Execution.StartTime'),
      taskToken: JsonPath.taskToken,
    }),
    taskTimeout: Timeout.duration(approvalTime(approvalHours)),
    retryOnServiceExceptions: false,
    resultPath: '$.approval',
  });
  wait.addRetry(functionRetry);
  const expired = new Pass(scope, 'Say that nobody approved it', {
    comment: 'The time for it is over; the setting is recovery.approvalHours',
    result: Result.fromObject({
      code: 'approval-expired',
      message: `nobody approved it within ${approvalHours} hours`,
      hint: errorTable['approval-expired'].hint,
    }),
    resultPath: '$.failure',
  }).next(onFailure);
  wait.addCatch(expired, { errors: ['States.Timeout'], resultPath: JsonPath.DISCARD });
  wait.addCatch(onFailure, { resultPath: '$.failure' });
  wait.next(onApproval);
  return wait;
}
