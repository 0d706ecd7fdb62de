import type { Json } from '../json.ts';

/** What the stack tells a function's process at its birth. */
export type EnvironmentSettings = {
  readonly folder: string;
  /** `<file>.<export>`. */
  readonly handler: string;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryMiB: number;
};

/** One invocation, as the stack sends it. */
export type InvocationMessage = {
  readonly requestId: string;
  readonly event: Json;
  /** Milliseconds since 1970. */
  readonly deadline: number;
};

/** How it ended, as the process answers. */
export type OutcomeMessage =
  | { readonly requestId: string; readonly kind: 'result'; readonly result: Json }
  | ({ readonly requestId: string; readonly kind: 'error' } & FunctionFailure);

/** The body that Lambda answers with when a function fails. */
export type FunctionFailure = {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
};
