import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import type { Json } from './json.ts';
import type { Invocation } from './lambda/function-runner.ts';
import type { LocalCustomResource, LocalFunction } from './model.ts';

const doneSchema = z.record(
  z.string(),
  z.object({ hash: z.string(), properties: z.custom<Readonly<Record<string, Json>>>() }),
);

export type CustomResourceOptions = {
  readonly resources: readonly LocalCustomResource[];
  readonly functions: readonly LocalFunction[];
  readonly stateDirectory: string;
  readonly invoke: (functionArn: string, event: Json) => Promise<Invocation>;
};

/**
 * Has the functions of the template make or update what they are there for (here: migrate the catalog), when their properties differ
 * from those of the last time that it went well. A crash in between only makes it happen again. Throws `internal` with
 * the function's own words when one fails.
 */
export async function applyCustomResources(options: CustomResourceOptions): Promise<void> {
  const file = join(options.stateDirectory, 'custom-resources.json');
  const done = readDone(file);
  for (const resource of options.resources) {
    const id = `${resource.origin.stack}/${resource.origin.logicalId}`;
    const hash = createHash('sha256').update(JSON.stringify(resource.properties)).digest('hex');
    const before = done[id];
    if (before?.hash === hash) continue;
    const outcome = await options.invoke(handlerOf(resource, options.functions), {
      RequestType: before === undefined ? 'Create' : 'Update',
      ResourceType: resource.type,
      LogicalResourceId: resource.origin.logicalId,
      PhysicalResourceId: id,
      ResourceProperties: { ServiceToken: resource.serviceToken, ...resource.properties },
      ...(before === undefined ? {} : { OldResourceProperties: before.properties }),
    });
    if (outcome.kind === 'error')
      throw new HoldfastError(
        'internal',
        `'${id}' was not made: ${outcome.failure.errorType}: ${outcome.failure.errorMessage}`,
        { hint: 'is the catalog database up? It is tried again every minute' },
      );
    done[id] = { hash, properties: { ...resource.properties } };
    writeFileSync(`${file}.new`, JSON.stringify(done), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}

const retryMs = 60_000;

/**
 * As `applyCustomResources`, but never rejects: backups go on without the catalog, so what fails must not keep a stack from starting. It is
 * reported, tried again every minute until it succeeds, and then reported as undefined. The returned function ends that.
 */
export async function keepApplyingCustomResources(
  options: CustomResourceOptions,
  report: (problem: string | undefined) => void,
): Promise<() => void> {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const apply = async (): Promise<void> => {
    try {
      await applyCustomResources(options);
      report(undefined);
    } catch (error) {
      if (isStopped) return;
      report(error instanceof Error ? error.message : String(error));
      timer = setTimeout(() => void apply(), retryMs);
      timer.unref();
    }
  };
  await apply();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

/** Under the CDK's provider framework the service token is the framework's function, which names the user's own. */
function handlerOf({ serviceToken }: LocalCustomResource, functions: readonly LocalFunction[]): string {
  const framework = functions.find(({ arn }) => arn === serviceToken);
  return framework?.environment['USER_ON_EVENT_FUNCTION_ARN'] ?? serviceToken;
}

function readDone(file: string): z.infer<typeof doneSchema> {
  try {
    return doneSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}
