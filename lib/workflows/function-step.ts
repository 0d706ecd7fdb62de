import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { JsonPath, type RetryProps, TaskInput, Timeout } from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { functionRetry } from './retries.ts';

/** One of our functions as a state. */
export type FunctionStepProps = {
  readonly function: IFunction;
  /** Shown in the definition: why this step is there. */
  readonly comment: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** The function's own timeout; the state waits a little longer, so that the function's own answer is heard. */
  readonly timeout: Duration;
  /** @default - Lambda's own trouble, and what the error table calls retryable */
  readonly retry?: RetryProps;
  /**
   * Where the answer goes. `replace`: it becomes the whole state. `{ at, fields }`: an object of these fields of the answer at that path.
   * `{ at, as }`: the whole answer, under the name `as`.
   *
   * @default - the answer is dropped
   */
  readonly answer?:
    | 'replace'
    | { readonly at: string; readonly fields: readonly string[] }
    | { readonly at: string; readonly as: string };
};

const slackSeconds = 15;

/** A state with this name that invokes a function, tries again what can be tried again, and always ends in time. */
export function functionStep(scope: Construct, name: string, props: FunctionStepProps): LambdaInvoke {
  const step = new LambdaInvoke(scope, name, {
    lambdaFunction: props.function,
    comment: props.comment,
    payload: TaskInput.fromObject({ ...props.payload }),
    taskTimeout: Timeout.duration(props.timeout.plus(Duration.seconds(slackSeconds))),
    retryOnServiceExceptions: false,
    ...placing(props.answer),
  });
  step.addRetry(props.retry ?? functionRetry);
  return step;
}

function placing(answer: FunctionStepProps['answer']): {
  outputPath?: string;
  resultPath?: string;
  resultSelector?: Record<string, string>;
} {
  if (answer === undefined) return { resultPath: JsonPath.DISCARD };
  if (answer === 'replace') return { outputPath: '$.Payload' };
  const resultSelector =
    'as' in answer
      ? { [answer.as]: JsonPath.objectAt('$.Payload') }
      : Object.fromEntries(answer.fields.map((field) => [field, JsonPath.objectAt(`$.Payload.${field}`)]));
  return { resultPath: answer.at, resultSelector: resultSelector as unknown as Record<string, string> };
}
