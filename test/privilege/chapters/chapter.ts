import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { BackupRun } from '../../../lib/core/requests.ts';
import type { ExecutionNews } from '../../../lib/local/executions/executions.ts';
import type { ExecutionRecord } from '../../../lib/local/executions/history.ts';
import { asJsonObject, type Json } from '../../../lib/local/json.ts';
import type { Installation } from '../installation.ts';

/** What people were shown on the way. */
export type Shown = { readonly where: string; readonly text: string };

/** A part of an installation's life, in which roles make calls that they make in no other. */
export type Chapter = {
  readonly name: string;
  readonly live: (installation: Installation) => Promise<readonly Shown[] | undefined>;
};

type Opened = Installation['opened'];

/** Resolves when the execution has entered the state; with `then`, when that was done before the state does anything. */
export async function entered(
  { stack }: Opened,
  { arn }: ExecutionRecord,
  state: string,
  then = (): void => {},
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const unlisten = stack.executions.listen((news: ExecutionNews) => {
    if (news.kind !== 'event' || news.execution.arn !== arn) return;
    if (news.event.type !== 'state-entered' || news.event.state !== state) return;
    then();
    resolve();
  });
  void stack
    .waitFor(arn)
    .then(({ error, cause }) => reject(new Error(`it ended before '${state}': ${error}: ${cause}`)));
  await promise;
  unlisten();
}

/** Stops the execution, and gives back the lease that it leaves, which would run out by itself. Resolves with its run. */
export async function stopped(opened: Opened, { arn }: ExecutionRecord): Promise<BackupRun> {
  const { executions } = opened.stack;
  await executions.stop(arn);
  const last = (await executions.events(arn)).findLast(({ type }) => type === 'state-entered');
  const run = asJsonObject(last?.input)['run'] ?? null;
  await again(opened, 'release-lease', { run });
  return run as BackupRun;
}

/** Invokes a step as its state machine does when it tries again; a step may refuse. */
export async function again({ stack }: Opened, step: string, payload: Json): Promise<void> {
  const { endpointUrl: endpoint, region, credentials } = stack;
  const lambda = new LambdaClient({ endpoint, region, credentials });
  const name = stack.model.functions.find((known) => known.name.includes(`Steps${step.replaceAll('-', '')}`))?.name;
  await lambda.send(new InvokeCommand({ FunctionName: name ?? step, Payload: JSON.stringify(payload) }));
  lambda.destroy();
}
