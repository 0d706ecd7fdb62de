import { AwsError } from './aws-error.ts';
import { stateError } from './executions/state-error.ts';
import { type Identities, sdkEnvironment } from './identities.ts';
import type { Json } from './json.ts';
import { FunctionRunner, type Invocation } from './lambda/function-runner.ts';
import type { LocalFunction } from './model.ts';
import { functionNameOf } from './resources/lambda.ts';

export type FunctionsOptions = {
  readonly functions: readonly LocalFunction[];
  readonly region: string;
  readonly endpointUrl: string;
  readonly identities: Identities;
  readonly machineEnvironment: Readonly<Record<string, string>>;
  /** Where S3 is for programs; undefined when the store is a directory. */
  readonly s3Url: string | undefined;
  readonly outputOf: (definition: LocalFunction) => (line: string) => void;
};

/** All Lambda functions of the model, each with the environment that Lambda would give it and credentials of its own. */
export class Functions {
  readonly #runners: ReadonlyMap<string, FunctionRunner>;

  constructor(options: FunctionsOptions) {
    this.#runners = new Map(
      options.functions.map((definition) => [
        definition.name,
        new FunctionRunner({
          definition,
          environment: environmentOf(definition, options),
          onLine: options.outputOf(definition),
        }),
      ]),
    );
  }

  /** The function of this name or ARN. Throws `ResourceNotFoundException`. */
  definition(nameOrArn: string): LocalFunction {
    return this.#runner(nameOrArn).definition;
  }

  async invoke(nameOrArn: string, event: Json): Promise<Invocation> {
    return this.#runner(nameOrArn).invoke(event);
  }

  /** As `invoke`, but a failure rejects, with the error's type as name and Lambda's body as message: as Step Functions has it. */
  async call(nameOrArn: string, event: Json): Promise<Json> {
    const outcome = await this.invoke(nameOrArn, event);
    if (outcome.kind === 'result') return outcome.result;
    throw stateError(outcome.failure.errorType, JSON.stringify(outcome.failure));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.close()));
  }

  #runner(nameOrArn: string): FunctionRunner {
    const runner = this.#runners.get(functionNameOf(nameOrArn));
    if (runner === undefined)
      throw new AwsError('ResourceNotFoundException', `Function not found: '${nameOrArn}'`, 404);
    return runner;
  }
}

function environmentOf(definition: LocalFunction, options: FunctionsOptions): Record<string, string> {
  const { name, roleArn, folder, memoryMiB, handler } = definition;
  const identity = options.identities.issue({ kind: 'function', name, roleArn });
  return {
    ...options.machineEnvironment,
    ...definition.environment,
    ...sdkEnvironment({ ...options, identity }),
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMiB),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    LAMBDA_TASK_ROOT: folder,
    TZ: ':UTC',
    _HANDLER: handler,
  };
}
