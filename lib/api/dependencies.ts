import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { SFNClient } from '@aws-sdk/client-sfn';
import type { CatalogClient } from '../catalog/client.ts';
import type { HoldfastConfig } from '../config/config.ts';
import type { Runtime } from '../config/runtime.ts';
import type { Store } from '../store/store.ts';

/** What the routes of the API work with. */
export type ApiDependencies = {
  readonly config: HoldfastConfig;
  readonly runtime: Runtime;
  readonly store: Store;
  readonly catalog: CatalogClient | undefined;
  readonly executions: SFNClient;
  readonly lambda: LambdaClient;
  readonly clock: () => Date;
  readonly log: { warn(message: string): void; error(message: string, extra: Error): void };
};
