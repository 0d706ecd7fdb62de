import { type RestorablePointsReport, readRestorablePoints } from '../lifecycle/restorable-points.ts';
import { findRunningStack } from '../local/running-stack.ts';
import type { RunContext } from '../runner/context.ts';
import type { CliContext } from './context.ts';
import { localCatalog } from './local.ts';
import { stateDirectoryOf } from './state-directory.ts';

/** The facts of every target, from the catalog of the local stack while it runs, and from the store alone otherwise. */
export function restorablePoints({ configFile, output }: CliContext, run: RunContext): Promise<RestorablePointsReport> {
  const running = findRunningStack(stateDirectoryOf(configFile));
  return readRestorablePoints({
    config: run.config,
    store: run.store,
    catalog: running && localCatalog(running),
    clock: run.clock,
    warn: (message) => output.line(`note: ${message}`),
  });
}
