import { randomUUID } from 'node:crypto';
import { AwsError } from '../aws-error.ts';
import type { Json } from '../json.ts';
import { stateError } from './state-error.ts';

/** What a definition has in the place of the token until the state is entered: no text of anybody's. */
export const tokenMark = '9d1f1c4e-holdfast-task-token-5b7a0c2d';

/** A Task state that waits until somebody answers to its token. */
export type TokenWait = {
  readonly token: string;
  /** What was answered; rejects with the failure that was answered, with `States.HeartbeatTimeout`, and when the state is left. */
  readonly answer: Promise<Json>;
  /** Nobody can answer any more. */
  close(): void;
};

type Waiting = {
  readonly executionArn: string;
  readonly resolve: (output: Json) => void;
  readonly reject: (error: Error) => void;
  readonly beat: () => void;
};

/**
 * The task tokens that executions wait for. A token is good for one answer while its state waits; afterwards it is refused in the words of
 * Step Functions, and so is one that never was.
 */
export class TaskTokens {
  readonly #waiting = new Map<string, Waiting>();

  /** A new token, for a state of that execution. `signal` fires when the state has timed out or the execution was stopped. */
  open(
    executionArn: string,
    { signal, heartbeatSeconds }: { readonly signal: AbortSignal; readonly heartbeatSeconds?: number | undefined },
  ): TokenWait {
    const token = Buffer.from(JSON.stringify([executionArn, randomUUID()])).toString('base64url');
    const { promise: answer, resolve, reject } = Promise.withResolvers<Json>();
    // Whoever asked may be gone before anybody answers.
    answer.catch(() => undefined);
    let silence: NodeJS.Timeout | undefined;
    const beat = (): void => {
      clearTimeout(silence);
      if (heartbeatSeconds === undefined) return;
      silence = setTimeout(
        () => reject(stateError('States.HeartbeatTimeout', `no heartbeat in ${heartbeatSeconds} seconds`)),
        heartbeatSeconds * 1000,
      );
    };
    const onAbort = (): void => reject(stateError('States.TaskFailed', 'the state is left'));
    const close = (): void => {
      clearTimeout(silence);
      signal.removeEventListener('abort', onAbort);
      this.#waiting.delete(token);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    this.#waiting.set(token, { executionArn, resolve, reject, beat });
    beat();
    return { token, answer, close };
  }

  /** Does the execution wait for an answer? */
  isAwaitedBy(executionArn: string): boolean {
    return [...this.#waiting.values()].some((waiting) => waiting.executionArn === executionArn);
  }

  /** The task is done. Throws `InvalidOutput`, `InvalidToken`, `TaskTimedOut`. */
  succeed(token: string, output: string): void {
    const waiting = this.#find(token);
    let parsed: Json;
    try {
      parsed = JSON.parse(output) as Json;
    } catch {
      throw new AwsError('InvalidOutput', `Invalid Output: 'the output is not JSON'`);
    }
    this.#waiting.delete(token);
    waiting.resolve(parsed);
  }

  /** The task has failed, under a name that a `Catch` can tell. Throws `InvalidToken`, `TaskTimedOut`. */
  fail(token: string, { error, cause }: { readonly error: string; readonly cause: string }): void {
    const waiting = this.#find(token);
    this.#waiting.delete(token);
    waiting.reject(stateError(error, cause));
  }

  /** The task goes on. Throws `InvalidToken`, `TaskTimedOut`. */
  heartbeat(token: string): void {
    this.#find(token).beat();
  }

  #find(token: string): Waiting {
    const waiting = this.#waiting.get(token);
    if (waiting !== undefined) return waiting;
    if (!isToken(token)) throw new AwsError('InvalidToken', "Invalid Token: 'Invalid token'");
    throw new AwsError('TaskTimedOut', "Task Timed Out: 'Provided task does not exist anymore'");
  }
}

/** Has it been made here, by whichever process? */
function isToken(token: string): boolean {
  try {
    const value = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as unknown;
    return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
  } catch {
    return false;
  }
}
