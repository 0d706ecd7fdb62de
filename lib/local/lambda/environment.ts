import { existsSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EnvironmentSettings, FunctionFailure, InvocationMessage, OutcomeMessage } from './protocol.ts';

/**
 * The program of a function's process: loads the bundle once, then answers one invocation after another. Environment and
 * working directory are the function's. It ends when the stack does.
 */
type Handler = (event: unknown, context: unknown) => unknown;

const settings: EnvironmentSettings = JSON.parse(process.argv[2] ?? '{}');

let handler: Promise<Handler> | undefined;

process.on('disconnect', () => process.exit());
process.on('message', async (message: InvocationMessage) => {
  const isFirst = handler === undefined;
  const outcome = await answer(message);
  process.send?.(outcome);
  // Node does so at an orderly end, which this process does not have.
  if (isFirst) setImmediate(flushCompileCache);
});

async function answer({ requestId, event, deadline }: InvocationMessage): Promise<OutcomeMessage> {
  try {
    handler ??= load();
    const invoke = await handler;
    const result = await invoke(event, contextOf(requestId, deadline));
    return { requestId, kind: 'result', result: JSON.parse(JSON.stringify(result ?? null)) };
  } catch (error) {
    return { requestId, kind: 'error', ...describe(error) };
  }
}

async function load(): Promise<Handler> {
  const dot = settings.handler.lastIndexOf('.');
  const base = join(settings.folder, settings.handler.slice(0, dot));
  const file = ['.mjs', '.js', '.cjs'].map((extension) => base + extension).find((candidate) => existsSync(candidate));
  if (file === undefined) throw named('Runtime.ImportModuleError', `cannot find module '${base}'`);
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(file).href);
  const name = settings.handler.slice(dot + 1);
  const found = module[name] ?? (module['default'] as Readonly<Record<string, unknown>> | undefined)?.[name];
  if (typeof found !== 'function') throw named('Runtime.HandlerNotFound', `${settings.handler} is no function`);
  return found as Handler;
}

function contextOf(requestId: string, deadline: number): object {
  return {
    awsRequestId: requestId,
    functionName: settings.functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: settings.functionArn,
    memoryLimitInMB: String(settings.memoryMiB),
    logGroupName: `/aws/lambda/${settings.functionName}`,
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

function describe(error: unknown): FunctionFailure {
  if (!(error instanceof Error)) return { errorType: 'Error', errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}

function named(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}
