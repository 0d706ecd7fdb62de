import type { HoldfastConfig } from '../config/config.ts';
import type { CallLog } from './call-log.ts';
import type { Queues } from './events/queues.ts';
import type { SentMessage, Topics } from './events/topics.ts';
import type { ExecutionNews, Executions } from './executions/executions.ts';
import type { ExecutionRecord } from './executions/history.ts';
import type { Credentials } from './identities.ts';
import type { Json } from './json.ts';
import type { LocalModel } from './model.ts';
import type { Clock } from './schedules/scheduler.ts';

/** What a stack tells those who watch it. */
export type StackEvent =
  | ExecutionNews
  | { readonly kind: 'phase'; readonly text: string }
  | { readonly kind: 'message'; readonly message: SentMessage }
  | { readonly kind: 'warning'; readonly text: string };

export type LocalStackOptions = {
  /** The cloud assembly: `cdk.out`. */
  readonly assemblyDir: string;
  /** Where histories, logs, keys, secrets and the catalog's data are kept. Losing it loses the local KMS keys. */
  readonly stateDir: string;
  readonly config: Pick<HoldfastConfig, 'aws' | 'store' | 'targets'>;
  /** Fire schedules, and have the status page on its port; without it the stack is there for one command. */
  readonly serve: boolean;
  /** The status page's port; 0 for any, as without `serve`. @default 8084 */
  readonly port?: number;
  readonly onEvent?: (event: StackEvent) => void;
  /** @default - the machine's clock */
  readonly clock?: Clock;
  /** Variables that programs get beside those of `machineEnvironment`. @default - none */
  readonly environment?: Readonly<Record<string, string>>;
};

/** A running local stack. */
export type LocalStack = AsyncDisposable & {
  readonly model: LocalModel;
  readonly region: string;
  readonly endpointUrl: string;
  readonly statusUrl: string;
  /** The operator's, for SDK clients of this process. */
  readonly credentials: Credentials;
  readonly executions: Executions;
  readonly queues: Queues;
  readonly topics: Topics;
  readonly calls: CallLog;
  /** Starts a state machine by name or ARN. Throws as Step Functions does. */
  startExecution(machine: string, input: Json, name?: string): ExecutionRecord;
  /** Resolves when the execution (its ARN) has ended. */
  waitFor(executionArn: string): Promise<ExecutionRecord>;
  /** In Prometheus's text format. */
  metrics(): Promise<string>;
  /**
   * Stops schedules, asks tasks to stop and lets their executions end, then ends functions, databases and servers, in that order.
   * With `force`, or when called a second time with it, nothing is waited for.
   */
  close(options?: { readonly force?: boolean }): Promise<void>;
};
