import type { Assertion } from '../core/assertions.ts';
import type { Content, Manifest, StreamRecord } from '../core/manifest.ts';
import type { EngineName, Method } from '../core/vocabulary.ts';

/**
 * What an engine (PostgreSQL, later Neo4j, Redis, files) can do. The manifest is the only thing that passes between
 * `capture` and the other verbs. Engines know nothing of stores, compression, keys, leases or the catalog.
 */
export interface Engine {
  readonly name: EngineName;
  readonly methods: readonly Method[];

  /** Is the source reachable, which versions and sizes does it have, and would a backup succeed? Changes nothing. */
  probe(context: EngineContext): Promise<Probe>;

  /** Does the source answer, and is it well as far as backups depend on it? Cheap enough for every half hour; changes nothing. */
  health(context: EngineContext): Promise<EngineHealth>;

  /**
   * The streams that make up a backup, each to be read to its end, one after another or side by side. A stream that
   * fails does not stop the others. `end` runs when all streams have ended, whatever became of them.
   */
  capture(context: EngineContext, request: { readonly method: Method }): Promise<Capture>;

  /** The format's own check over a stream's plain bytes. Rejects with `corrupt` or `dump-incomplete`; resolves with its content. */
  inspect(
    stream: Pick<StreamRecord, 'format' | 'kind' | 'name'>,
    bytes: AsyncIterable<Uint8Array>,
    context: EngineContext,
  ): Promise<Content | undefined>;

  /** Puts streams back. See `RestorePlan`. */
  restore(context: EngineContext, plan: RestorePlan): Promise<RestoreResult>;

  /** Reads a live copy and holds it against what the manifest says of the stream: one finding per difference, none when it is the same. */
  compare(context: EngineContext, stream: StreamRecord, database: string): Promise<Comparison>;

  /**
   * Restores into a server that is started for this and gone afterwards, however this process ends, and examines what is there. Rejects with
   * what a restore rejects with, `not-testable` when this place lacks what the backup needs, `test-disk-too-small`, `tool-missing`.
   */
  restoreTest(context: Omit<EngineContext, 'connection'>, plan: RestoreTestPlan): Promise<RestoreTestResult>;
}

/** What every verb gets. `connection` is the target's own configuration section, secrets resolved; the engine parses it. */
export type EngineContext = {
  readonly target: string;
  readonly connection: unknown;
  readonly settings: {
    readonly parallelJobs: number;
    readonly lockTimeoutSeconds: number;
    readonly statementTimeoutSeconds: number;
  };
  readonly signal: AbortSignal;
  readonly progress: (event: EngineProgress) => void;
  /** A private folder for small files (password files); the caller removes it. */
  readonly scratch: string;
};

export type EngineProgress = {
  readonly phase: string;
  readonly detail?: string;
  readonly bytes?: number;
  readonly expectedBytes?: number;
};

export type Probe = {
  readonly reachable: true;
  readonly serverVersion: string;
  readonly facts: Manifest['source'];
  readonly databases: readonly { readonly name: string; readonly sizeBytes: number }[];
  /** What would make a backup fail or be less than it should; empty when all is well. */
  readonly findings: readonly { readonly level: 'error' | 'warning'; readonly message: string; readonly fix: string }[];
};

export type EngineHealth = {
  readonly serverVersion: string;
  /** Files of a write-ahead log that wait to be archived; null when the server has none, or does not say. */
  readonly unarchivedWalFiles: number | null;
  /** Why something is not known and how to change that, or what else is worth knowing. */
  readonly note?: string;
};

export type Capture = {
  readonly source: Manifest['source'];
  readonly streams: readonly CaptureStream[];
  end(): Promise<void>;
};

/** One stream about to be read. `expectedBytes` is an estimate for progress only. */
export type CaptureStream = Pick<StreamRecord, 'stream' | 'kind' | 'name' | 'format'> & {
  readonly expectedBytes: number;
  /**
   * Begins to read. The iterable ends normally only when the source's tool has exited with 0 and its output proved whole; otherwise
   * it throws. `result` is there afterwards.
   */
  open(): Promise<{
    readonly bytes: AsyncIterable<Uint8Array>;
    result(): CaptureResult;
  }>;
};

/** What is known of a stream that was read to its end. `secretFacts` are facts too, and never stand in the clear where the rest is encrypted. */
export type CaptureResult = {
  readonly content: Content | undefined;
  readonly facts: StreamRecord['facts'];
  readonly secretFacts?: StreamRecord['facts'];
};

export type RestorePlan = {
  readonly streams: readonly {
    readonly record: StreamRecord;
    readonly destination: string;
    open(): AsyncIterable<Uint8Array>;
  }[];
  /** May a database that exists already be replaced? The old one is renamed aside first and dropped only after the comparison. */
  readonly replace: boolean;
  /**
   * False for a rehearsal: everything is restored and compared, and then dropped; nothing is put in place or replaced.
   * @default true
   */
  readonly cutOver?: boolean;
  readonly source: Manifest['source'];
};

export type RestoreResult = {
  readonly restored: readonly { readonly stream: string; readonly database: string; readonly comparison: Comparison }[];
};

export type RestoreTestPlan = Pick<RestorePlan, 'source'> & {
  readonly streams: readonly Omit<RestorePlan['streams'][number], 'destination'>[];
  /** Go through the structure of tables and indexes? */
  readonly amcheck: boolean;
  readonly assertions: readonly Assertion[];
  /** Settings of the server that the backup's extensions need. Those that keep it private are its own. */
  readonly serverSettings: Readonly<Record<string, string>>;
  /** An assertion that takes longer has failed. */
  readonly assertionTimeoutSeconds: number;
  /** Told when everything is in place and compared, before it is examined. */
  readonly onRestored: () => void;
};

export type RestoreTestResult = RestoreResult & {
  readonly serverVersion: string;
  readonly restoreSeconds: number;
  /** Tables and indexes whose structure was gone through. */
  readonly relations: number;
  /** What the examination found wrong, all of it; empty when the copy is good. */
  readonly problems: readonly { readonly code: 'copy-damaged' | 'assertion-failed'; readonly message: string }[];
  readonly remarks: readonly string[];
};

export type Comparison = {
  readonly same: boolean;
  readonly tablesCompared: number;
  readonly rowsCompared: number;
  readonly differences: readonly string[];
  /** What could not or need not be compared and why, and what else the reader should know; no failure. */
  readonly remarks: readonly string[];
};
