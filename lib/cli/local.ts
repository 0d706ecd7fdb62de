import { LambdaClient } from '@aws-sdk/client-lambda';
import { SFNClient } from '@aws-sdk/client-sfn';
import { type CatalogClient, catalogClient } from '../catalog/client.ts';
import type { HoldfastConfig } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';
import { findRunningStack, type RunningStack } from '../local/running-stack.ts';
import type { ProgressEvent } from '../runner/progress.ts';
import type { CliContext } from './context.ts';
import type { Machines } from './jobs.ts';
import { stateDirectoryOf } from './state-directory.ts';

/**
 * Runs `work` against the local stack of this configuration: the one that is running, or one that is opened for this command alone and closed
 * behind it.
 */
export async function withLocalStack<Result>(
  context: CliContext,
  work: (stack: RunningStack) => Promise<Result>,
): Promise<Result> {
  const stateDirectory = stateDirectoryOf(context.configFile);
  const running = findRunningStack(stateDirectory);
  if (running) return work(running);

  const config = await context.config();
  const { openStack } = await import('./open-stack.ts');
  const stack = await openStack({ configFile: context.configFile, config, output: context.output, serve: false });
  try {
    const opened = findRunningStack(stateDirectory);
    if (opened === undefined) throw new HoldfastError('internal', 'the local stack was opened and cannot be found');
    return await work(opened);
  } finally {
    if (context.signal.aborted) context.output.progress({ phase: 'stopping' });
    await stack.close();
  }
}

/** The SDK client settings that lead to a running local stack. */
export function clientSettings({
  endpointUrl,
  credentials,
  region,
}: Pick<RunningStack, 'endpointUrl' | 'credentials' | 'region'>) {
  return { endpoint: endpointUrl, credentials, region };
}

/** The state machines of a running local stack; the progress of their tasks goes to the terminal. */
export function localMachines({ output }: CliContext, config: HoldfastConfig, stack: RunningStack): Machines {
  return {
    client: new SFNClient(clientSettings(stack)),
    pollMs: 150,
    goOn: stack.pid !== process.pid,
    arnOf: async (kind) => {
      const name = `${config.aws.name}-${kind}`;
      const arn = stack.machines[name];
      if (arn === undefined) throw new HoldfastError('internal', `the local stack has no state machine '${name}'`);
      return arn;
    },
    followProgress: (execution) => followProgress(stack, execution, (event) => output.progress(event)),
  };
}

/** The catalog of a running local stack, asked through its Lambda as everything else does. */
export function localCatalog(stack: RunningStack): CatalogClient {
  return catalogClient({
    functionName: functionIn(stack, 'CatalogFunction'),
    lambda: new LambdaClient(clientSettings(stack)),
  });
}

/** The name of the function with this logical id: the templates give functions no names, so the deployment makes them. */
export function functionIn({ functions }: RunningStack, logicalId: string): string {
  const pattern = new RegExp(`-${logicalId}[0-9A-F]{8}$`);
  const found = Object.keys(functions).find((name) => pattern.test(name));
  if (found === undefined) throw new HoldfastError('internal', `the local stack has no function '${logicalId}'`);
  return found;
}

/** Passes on what the task of an execution says of its progress, until the returned function is called. Best effort: it decorates the wait. */
function followProgress(
  { statusUrl }: RunningStack,
  execution: string,
  report: (event: ProgressEvent) => void,
): () => void {
  if (statusUrl === null) return () => {};
  const stop = new AbortController();
  void (async () => {
    const response = await fetch(`${statusUrl}/executions/${encodeURIComponent(execution)}/events`, {
      signal: stop.signal,
    });
    let rest = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const news = JSON.parse(line) as { readonly kind: string; readonly progress?: ProgressEvent };
        if (news.kind === 'progress' && news.progress) report(news.progress);
      }
    }
  })().catch(() => {});
  return () => stop.abort();
}
