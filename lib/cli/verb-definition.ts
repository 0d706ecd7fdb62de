import type { CliContext } from './context.ts';

/** A verb as the command line knows it. `load` brings in what it takes to run it. */
export type VerbDefinition = {
  /** Name and arguments, in commander's notation. */
  readonly usage: string;
  readonly description: string;
  readonly example: string;
  /** Does it speak to targets? Then the demo's database runs while it does. */
  readonly asksTargets?: boolean;
  readonly options?: readonly (readonly [flags: string, description: string])[];
  /** The exit code of whatever goes wrong, a wrong call too, for those who read another meaning into others. @default - the failure's own */
  readonly failureExit?: number;
  readonly load: () => Promise<{ readonly run: (context: CliContext, options: never) => Promise<number> }>;
  readonly verbs?: readonly VerbDefinition[];
  /** Of a group's verbs, the one that is meant when none is named. @default false */
  readonly isDefault?: boolean;
};

/** What a group of verbs has to load: it is not run itself. */
export const groupOnly = (): never => {
  throw new Error('a group of verbs is not run itself');
};
