import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { LambdaClient } from '@aws-sdk/client-lambda';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import * as z from 'zod';
import { type CatalogClient, catalogClient } from '../lib/catalog/client.ts';
import type { HoldfastConfig } from '../lib/config/config.ts';
import { loadRuntime, type Runtime } from '../lib/config/runtime.ts';
import { HoldfastError } from '../lib/core/errors.ts';
import { joinHint } from '../lib/core/failure.ts';
import { createRecorder, type Recorder } from '../lib/lifecycle/recorder.ts';
import { createLogger } from '../lib/observe/log.ts';
import { openStore } from '../lib/store/open-store.ts';
import type { Store } from '../lib/store/store.ts';

/** What a step of a state machine works with. Opened once per container, so that a warm start costs nothing. */
export type StepDependencies = {
  readonly runtime: Runtime;
  readonly config: HoldfastConfig;
  readonly store: Store;
  readonly catalog: CatalogClient | undefined;
  readonly recorder: Recorder;
  readonly clock: () => Date;
  readonly log: ReturnType<typeof createLogger>;
};

/**
 * A Lambda handler around `main`: the event is parsed with `schema`, log lines bear the request, and a `HoldfastError` leaves under its code
 * as the ASL error's name, which is what the state machines match.
 */
export function step<Event, Result>(
  name: string,
  schema: z.ZodType<Event, unknown>,
  main: (event: Event, dependencies: StepDependencies) => Promise<Result>,
): (event: unknown, context: Context) => Promise<Result> {
  const log = createLogger(name);
  let dependencies: Promise<StepDependencies> | undefined;
  const open = (): Promise<StepDependencies> => {
    dependencies ??= openDependencies(log);
    // A container whose first start failed (a store that was away) must not stay broken.
    dependencies.catch(() => {
      dependencies = undefined;
    });
    return dependencies;
  };
  return middy<unknown, Result>({ timeoutEarlyInMillis: 1000 })
    .use(injectLambdaContext(log, { resetKeys: true }))
    .handler(async (event) => {
      try {
        const parsed = schema.safeParse(event);
        if (!parsed.success)
          throw new HoldfastError('usage', `the input is not what this step expects: ${z.prettifyError(parsed.error)}`);
        return await main(parsed.data, await open());
      } catch (error) {
        throw withHint(error);
      }
    }) as (event: unknown, context: Context) => Promise<Result>;
}

/** Of an error no more than name and message leave a function: its hint goes along with the message, as `failureOf` reads it. */
const withHint = (error: unknown): unknown =>
  error instanceof HoldfastError ? new HoldfastError(error.code, joinHint(error), { cause: error }) : error;

/** A step has a minute, so a request that gets no answer is given up while there is time for another, and for telling what is wrong. */
const forSmallObjects = { idleTimeoutSeconds: 5, maxAttempts: 6 };

async function openDependencies(log: ReturnType<typeof createLogger>): Promise<StepDependencies> {
  const runtime = loadRuntime();
  const store = await openStore(runtime.config.store, forSmallObjects);
  const catalog =
    runtime.catalogFunction === undefined
      ? undefined
      : catalogClient({ functionName: runtime.catalogFunction, lambda: new LambdaClient({}) });
  return {
    runtime,
    config: runtime.config,
    store,
    catalog,
    recorder: createRecorder({ store, catalog, warn: (message) => log.warn(message) }),
    clock: () => new Date(),
    log,
  };
}
