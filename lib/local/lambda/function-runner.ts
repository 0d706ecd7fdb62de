import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import type { Json } from '../json.ts';
import type { LocalFunction } from '../model.ts';
import type { EnvironmentSettings, FunctionFailure, InvocationMessage, OutcomeMessage } from './protocol.ts';

/** How an invocation ended: as Lambda's `Invoke` would say it. */
export type Invocation =
  | { readonly kind: 'result'; readonly result: Json }
  | { readonly kind: 'error'; readonly failure: FunctionFailure };

export type FunctionRunnerOptions = {
  readonly definition: LocalFunction;
  /** The whole environment of the function's process. */
  readonly environment: Readonly<Record<string, string>>;
  /** Takes what the function prints, line by line. */
  readonly onLine: (line: string) => void;
};

type Warm = {
  readonly child: ChildProcess;
  readonly closed: Promise<unknown>;
  /** Takes the outcome of the invocation that it works on. */
  settle: ((outcome: Invocation) => void) | undefined;
  idleTimer: NodeJS.Timeout | undefined;
};

const idleMs = 60_000;

/** Lambda has a thousand; as many processes would bring this machine to its knees. Those that come later wait for their turn. */
const mostEnvironments = Math.max(2, availableParallelism());

/**
 * Runs one function in processes of its own: each answers one invocation at a time and is kept for the next, as Lambda's
 * environments are, for a minute. (Threads were tried: with a bundle of 2.7 MB they take 248 ms
 * to start against 223 and 47 MiB against 88, but share the stack's working directory and fate.)
 * A process that overruns the function's timeout is killed, whatever it does.
 */
export class FunctionRunner {
  readonly #options: FunctionRunnerOptions;
  readonly #idle: Warm[] = [];
  readonly #all = new Set<Warm>();
  readonly #limit = pLimit(mostEnvironments);
  #isClosed = false;

  constructor(options: FunctionRunnerOptions) {
    this.#options = options;
  }

  get definition(): LocalFunction {
    return this.#options.definition;
  }

  /** Invokes the function and waits for its result. Never rejects: a failure of the function is an outcome. */
  invoke(event: Json): Promise<Invocation> {
    return this.#limit(() => this.#invokeNow(event));
  }

  /** Ends all processes; invocations under way end as errors. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#all];
    for (const warm of all) this.#drop(warm);
    await Promise.all(all.map(({ closed }) => closed));
  }

  async #invokeNow(event: Json): Promise<Invocation> {
    if (this.#isClosed) return failed('Holdfast.LocalStackStopped', 'the local stack is stopping');
    const { timeoutSeconds } = this.definition;
    const requestId = randomUUID();
    const warm = this.#idle.pop() ?? this.#open();
    clearTimeout(warm.idleTimer);
    const { promise, resolve } = Promise.withResolvers<Invocation>();
    warm.settle = resolve;
    const timer = setTimeout(() => {
      resolve(
        failed('Sandbox.Timedout', `RequestId: ${requestId} Error: Task timed out after ${timeoutSeconds}.00 seconds`),
      );
      this.#drop(warm);
    }, timeoutSeconds * 1000);
    const message: InvocationMessage = { requestId, event, deadline: Date.now() + timeoutSeconds * 1000 };
    // A process that has just died says so by its `close`.
    warm.child.send(message, () => undefined);
    const outcome = await promise;
    clearTimeout(timer);
    warm.settle = undefined;
    if (this.#all.has(warm)) this.#rest(warm);
    return outcome;
  }

  #open(): Warm {
    const { definition, environment, onLine } = this.#options;
    const { folder, handler, name, arn, memoryMiB } = definition;
    const settings: EnvironmentSettings = {
      folder,
      handler,
      functionName: name,
      functionArn: arn,
      memoryMiB,
    };
    const child = fork(fileURLToPath(new URL('./environment.ts', import.meta.url)), [JSON.stringify(settings)], {
      cwd: folder,
      env: environment,
      execArgv: [`--max-old-space-size=${memoryMiB}`],
      // In a session of its own: Ctrl-C is for the stack, which ends functions when nothing needs them any more.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const warm: Warm = {
      child,
      closed: once(child, 'close').catch(() => undefined),
      settle: undefined,
      idleTimer: undefined,
    };
    this.#all.add(warm);
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null) createInterface({ input: stream }).on('line', onLine);
    child.on('message', (outcome: OutcomeMessage) => {
      const { requestId: _, kind, ...rest } = outcome;
      warm.settle?.(
        kind === 'result'
          ? { kind, result: 'result' in rest ? rest.result : null }
          : { kind, failure: rest as FunctionFailure },
      );
    });
    child.on('error', (error) => this.#fail(warm, 'Runtime.ExitError', error.message));
    child.on('close', (code, signal) =>
      this.#fail(warm, 'Runtime.ExitError', `the function's process ended with ${signal ?? `exit status ${code}`}`),
    );
    return warm;
  }

  #rest(warm: Warm): void {
    this.#idle.push(warm);
    warm.idleTimer = setTimeout(() => this.#drop(warm), idleMs);
    warm.idleTimer.unref();
  }

  #fail(warm: Warm, errorType: string, errorMessage: string): void {
    this.#drop(warm);
    warm.settle?.(failed(errorType, errorMessage));
  }

  #drop(warm: Warm): void {
    this.#all.delete(warm);
    const index = this.#idle.indexOf(warm);
    if (index !== -1) this.#idle.splice(index, 1);
    clearTimeout(warm.idleTimer);
    warm.child.kill('SIGKILL');
  }
}

function failed(errorType: string, errorMessage: string): Invocation {
  return { kind: 'error', failure: { errorType, errorMessage, trace: [] } };
}
