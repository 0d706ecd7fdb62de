import type { Target } from '../config/config.ts';
import type { SourceService } from '../engines/engine.ts';
import type { Store } from '../store/store.ts';
import { commandService } from './command-service.ts';
import { ecsService } from './ecs-service.ts';

/** The run on whose behalf a service is stopped: an execution, and a lease that it holds meanwhile. */
export type StoppingRun = {
  readonly store: Store;
  readonly holder: string;
  readonly lease: string;
  readonly clock: () => Date;
};

/** What stops and starts the target's server, as its setting `service` says; undefined when it says nothing. Nothing is stopped but by a run. */
export function sourceService({ name, service }: Target, run: StoppingRun | undefined): SourceService | undefined {
  if (service === undefined) return undefined;
  const { stop, start, ecs } = service;
  if (run === undefined) return { stop: () => Promise.reject(new Error('only a run may stop a service')) };
  if (ecs !== undefined) return ecsService({ ...run, target: name, ecs });
  return stop && start && commandService({ stop, start });
}
