import { Duration } from 'aws-cdk-lib';
import { JitterType, type RetryProps } from 'aws-cdk-lib/aws-stepfunctions';
import { retryableCodes } from '../core/error-table.ts';

/** Lambda itself being unable to run a function, as AWS recommends to retry: our code has not run, or not to its end. */
const lambdaServiceErrors = [
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.TooManyRequestsException',
] as const;

/** ECS itself being unable to start a task: throttled, or out of capacity (`AmazonECS.Unknown`). Nothing of ours has run. */
const ecsServiceErrors = [
  'ECS.AmazonECSException',
  'ECS.ServerException',
  'ECS.ThrottlingException',
  'AmazonECS.Unknown',
] as const;

const patiently = {
  interval: Duration.seconds(2),
  maxAttempts: 4,
  backoffRate: 2,
  jitterStrategy: JitterType.FULL,
};

/**
 * A function that ran out of time, by middy's early warning or by Lambda's own end of it, or whose process died. Every step can be repeated
 * without harm, so one stalled connection does not cost the run.
 */
const interruptions = ['TimeoutError', 'Sandbox.Timedout', 'Lambda.Unknown'] as const;

/** For a step that is one of our functions: what the error table calls retryable, and nothing else of ours. Half a minute in all. */
export const functionRetry: RetryProps = {
  errors: [...lambdaServiceErrors, ...interruptions, ...retryableCodes],
  ...patiently,
};

/** For a step whose job is to fail under one of our codes: trying it again would be to wait for nothing. */
export const serviceRetry: RetryProps = { errors: [...lambdaServiceErrors], ...patiently };

/** For starting a task. Generous, because capacity may take a quarter of an hour to come back, and the run has not begun. */
export const startTaskRetry: RetryProps = {
  errors: [...ecsServiceErrors],
  interval: Duration.seconds(15),
  maxAttempts: 8,
  backoffRate: 2,
  maxDelay: Duration.minutes(5),
  jitterStrategy: JitterType.FULL,
};
