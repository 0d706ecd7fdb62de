import { type RestorablePointsReport, readRestorablePoints } from '../lifecycle/restorable-points.ts';
import { findRunningStack } from '../local/running-stack.ts';
import type { RunContext } from '../runner/context.ts';
import type { CliContext } from './context.ts';
import { localCatalog } from './local.ts';
import { stateDirectoryOf } from './state-directory.ts';

type Places = Parameters<typeof readRestorablePoints>[0];

/** Where facts are read: the catalog of the local stack while it runs, and the store. */
export function placesOf({ configFile, output }: CliContext, { config, store, clock }: RunContext): Places {
  const running = findRunningStack(stateDirectoryOf(configFile));
  return {
    config,
    store,
    catalog: running && localCatalog(running),
    clock,
    warn: (message) => output.line(`note: ${message}`),
  };
}

/** The facts of every target, from the catalog of the local stack while it runs, and from the store alone otherwise. */
export function restorablePoints(context: CliContext, run: RunContext): Promise<RestorablePointsReport> {
  return readRestorablePoints(placesOf(context, run));
}
