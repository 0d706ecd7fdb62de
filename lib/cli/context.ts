import type { HoldfastConfig } from '../config/config.ts';
import type { Output } from './output.ts';

/** What every verb gets. The configuration is read when it is asked for: some verbs need none. */
export type CliContext = {
  readonly configFile: string;
  readonly config: () => Promise<HoldfastConfig>;
  readonly output: Output;
  /** Fires at the first Ctrl-C or SIGTERM; a second one ends the process at once. */
  readonly signal: AbortSignal;
};
