import { GetFunctionUrlConfigCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { HoldfastError } from '../../core/errors.ts';
import { findRunningStack } from '../../local/running-stack.ts';
import type { CliContext } from '../context.ts';
import { stateDirectoryOf } from '../state-directory.ts';

/** Where the API is, and one command that calls it. */
export async function run(context: CliContext, { aws = false }: { readonly aws?: boolean }): Promise<number> {
  const { url, curl } = aws ? await onAws(context) : onThisMachine(context);
  context.output.result({ url, curl }, () => [
    `the API is at ${url}; GET /openapi.json describes it`,
    '',
    'call it with',
    `  ${curl} ${url}/targets`,
    'and change something with',
    `  ${curl} -X POST ${url}/backups -H 'content-type: application/json' -H "idempotency-key: $(uuidgen)" -d '{"target":"NAME"}'`,
  ]);
  return 0;
}

type Way = { readonly url: string; readonly curl: string };

function onThisMachine({ configFile }: CliContext): Way {
  const stack = findRunningStack(stateDirectoryOf(configFile));
  if (stack === undefined)
    throw new HoldfastError('function-unavailable', 'the local API runs only while the local stack does', {
      hint: "run 'holdfast up' in another terminal, then this again; or say --aws for the deployed one",
    });
  return {
    url: `${stack.statusUrl}/api`,
    curl: 'curl -sS -H "authorization: Bearer $(npx holdfast api token)"',
  };
}

async function onAws({ config }: CliContext): Promise<Way> {
  const { aws } = await config();
  const functionName = `${aws.name}-api`;
  const { FunctionUrl: url = '' } = await new LambdaClient({ region: aws.region })
    .send(new GetFunctionUrlConfigCommand({ FunctionName: functionName }))
    .catch((cause: unknown) => {
      throw new HoldfastError(
        'function-unavailable',
        `AWS cannot be asked for the URL of '${functionName}': ${cause instanceof Error ? cause.message : cause}`,
        { cause, hint: 'is it deployed, are AWS credentials set, and may they read function URLs?' },
      );
    });
  return {
    url: url.replace(/\/$/, ''),
    curl: `curl -sS --aws-sigv4 aws:amz:${aws.region}:lambda --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-security-token: $AWS_SESSION_TOKEN"`,
  };
}
