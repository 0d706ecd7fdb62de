import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { type ErrorCode, errorTable } from '../core/error-table.ts';
import { HoldfastError } from '../core/errors.ts';
import { splitHint } from '../core/failure.ts';

/**
 * Invokes one of our functions and gives its answer. Its failures are thrown under their own code; one that cannot be reached, or ends without a
 * word of its own, is `function-unavailable`.
 */
export async function invokeFunction(lambda: LambdaClient, functionName: string, event: object): Promise<unknown> {
  const reply = await lambda
    .send(new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(event)) }))
    .catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new HoldfastError('function-unavailable', `function '${functionName}' cannot be invoked: ${why}`, {
        cause,
      });
    });
  const text = Buffer.from(reply.Payload ?? []).toString('utf8');
  const answer: unknown = text === '' ? undefined : JSON.parse(text);
  if (reply.FunctionError === undefined) return answer;
  const { errorType = 'unknown', errorMessage = '' } = (answer ?? {}) as {
    readonly errorType?: string;
    readonly errorMessage?: string;
  };
  if (!Object.hasOwn(errorTable, errorType))
    throw new HoldfastError('function-unavailable', `function '${functionName}' ended: ${errorType}: ${errorMessage}`);
  const code = errorType as ErrorCode;
  const { message, hint } = splitHint(errorMessage, errorTable[code].hint);
  throw new HoldfastError(code, message, { hint });
}
