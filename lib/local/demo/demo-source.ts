/** One source of the demo while it runs: what its target is called, and how the configuration describes it. */
export type DemoSource = {
  readonly target: string;
  /** The target's lines in the configuration, as YAML; paths are relative to the demo's folder. */
  readonly yaml: string;
  /** Resolves when it can be backed up, where that takes long. @default - it can */
  readonly ready?: Promise<void>;
  close(): Promise<void>;
};

/** What the demo leaves out because this machine lacks it. */
export type LeftOut = { readonly engine: string; readonly why: string };

/** What the demo restores of a target's backup, and where to: beside what is there. */
export type DemoRestore = {
  readonly databases?: readonly string[];
  readonly as: string;
  /** May it be there from an earlier start? */
  readonly replace: boolean;
};
