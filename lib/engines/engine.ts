import type { Assertion } from '../core/assertions.ts';
import type { BackupId } from '../core/ids.ts';
import type { Content, ContentWords, Manifest, Omissions, StreamRecord } from '../core/manifest.ts';
import type { RecoveryPlan } from '../core/recovery-plan.ts';
import type { ReachedPoint, RecoveryPoint } from '../core/recovery-point.ts';
import type { RestoreProof } from '../core/restore-proof.ts';
import type { Selection } from '../core/selection.ts';
import type { ComparisonDepth, EngineName, Format, Method, OnConflict } from '../core/vocabulary.ts';

/**
 * What an engine can do. The manifest is the only thing that passes between
 * `capture` and the other verbs. Engines know nothing of stores, compression, keys, leases or the catalog.
 */
export interface Engine {
  readonly name: EngineName;
  readonly methods: readonly Method[];
  /**
   * Methods whose backups build on earlier ones, each with the methods of those: `capture` and `restore` are given a reader of the newest.
   * @default - none
   */
  readonly parentMethods?: Readonly<Partial<Record<Method, readonly Method[]>>>;
  /** Can a restore go among what is there already, item by item (`RestorePlan.onConflict`)? @default false */
  readonly merges?: true;
  /** What a stream is as a file, by the format of its record. A format that is not here is read by Holdfast alone. */
  readonly files: Readonly<Record<string, FileKind>>;

  /** Is the source reachable, which versions and sizes does it have, and would a backup succeed? Changes nothing. */
  probe(context: EngineContext): Promise<Probe>;

  /** Does the source answer, and is it well as far as backups depend on it? Cheap enough for every half hour; changes nothing. */
  health(context: EngineContext): Promise<EngineHealth>;

  /**
   * The streams that make up a backup, each to be read to its end, one after another or side by side. A stream that
   * fails does not stop the others, unless the capture is indivisible. They are begun in their order, as many at a time as the runner has room
   * for, be it one. `end` runs when all streams have ended, whatever became of them.
   */
  capture(context: EngineContext, request: CaptureRequest): Promise<Capture>;

  /**
   * A whole backup made of one that builds on others and of those, from the store alone: its streams, as those of `capture`. What it takes
   * on this machine is gone after `end`. Rejects with `usage` for what is no such chain, `tool-missing`, `preflight-failed`.
   * Engines that cannot lack it.
   */
  synthesize?(context: Omit<EngineContext, 'connection'>, request: SynthesisRequest): Promise<Capture>;

  /**
   * The format's own check over a stream's plain bytes. Rejects with `corrupt` or `dump-incomplete`; resolves with its content. `omissions`: what is
   * known of the backup as a whole, and is no news.
   */
  inspect(
    stream: Pick<StreamRecord, 'format' | 'kind' | 'name'> & Partial<Pick<StreamRecord, 'facts' | 'omissions'>>,
    bytes: AsyncIterable<Uint8Array>,
    context: EngineContext,
  ): Promise<Content | undefined>;

  /**
   * What a file of the engine's own tools is, proved whole as far as its format tells, be it an export of Holdfast's or made by hand; undefined
   * when `head`, its first 4 KiB, says that it is none of them. Rejects with `corrupt` or `dump-incomplete`.
   */
  checkFile(file: FileEnds, signal: AbortSignal): Promise<CheckedFile | undefined>;

  /** Puts streams back. See `RestorePlan`. */
  restore(context: EngineContext, plan: RestorePlan): Promise<RestoreResult>;

  /**
   * The way along the log from a backup of a whole server to a point; undefined where no log goes on. Looks at what the log is made of, and
   * fetches none of its content. Rejects with `point-unreachable`. Engines without a log lack it.
   */
  findWay?(
    record: StreamRecord,
    plan: Pick<RestorePlan, 'log' | 'timeline' | 'point'>,
  ): Promise<RecoveryPlan['log'] | undefined>;

  /** What to type next, when a copy is where it was wanted: to look at it, and to put it into its source's place. */
  nextCommands?(copy: RestoredCopy): readonly string[];

  /** Holds the source's settings against those of a production server on such a machine. Changes nothing. Engines without such settings lack it. */
  checkSettings?(
    context: EngineContext,
    host: { readonly memoryMiB?: number | undefined; readonly connections?: number | undefined },
  ): Promise<SettingsReport>;

  /** Reads a live copy and holds it against what the manifest says of the stream: one finding per difference, none when it is the same. */
  compare(context: EngineContext, stream: StreamRecord, database: string): Promise<Comparison>;

  /**
   * Restores into a server that is started for this and gone afterwards, however this process ends, and examines what is there. Rejects with
   * what a restore rejects with, `not-testable` when this place lacks what the backup needs, `test-disk-too-small`, `tool-missing`.
   */
  restoreTest(context: Omit<EngineContext, 'connection'>, plan: RestoreTestPlan): Promise<RestoreTestResult>;
}

/** A copy that was restored, as its new owner finds it. */
export type RestoredCopy = {
  /** The target of the backup. */
  readonly target: string;
  /** A folder that holds a whole server; undefined when it is on a server. */
  readonly folder?: string;
  /** Its parts on the server that received it: from which each comes, and what it is called there. */
  readonly parts: readonly { readonly from: string; readonly to: string }[];
  /** How that server is reached. */
  readonly server: { readonly host?: string | undefined; readonly port?: number | undefined };
};

/** What every verb gets. `connection` is the target's own configuration section, secrets resolved; the engine parses it. */
export type EngineContext = {
  readonly target: string;
  readonly connection: unknown;
  readonly parallelJobs: number;
  /** The target's settings that only this engine has (lib/config/targets); it parses them. Empty where there is no source to go easy on. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  readonly progress: (event: EngineProgress) => void;
  /** A private folder for small files (password files); the caller removes it. */
  readonly scratch: string;
  /** Stops and starts the source's server. @default - nobody may: what needs it stopped finds it stopped, or fails */
  readonly service?: SourceService;
};

/** What the tool that reads a file expects it to be called, and that tool. */
export type FileKind = { readonly extension: string; readonly reader: string };

/** The service that runs the source's server, where the target says how it is switched. */
export type SourceService = {
  /** Stops it, and resolves when it has stopped. Rejects with `service-not-switched`; it then runs, or will. */
  stop(signal: AbortSignal): Promise<StoppedService>;
};

/** A service that was stopped for an engine. Whatever becomes of this process, somebody starts it again. */
export type StoppedService = {
  /** Was it stopped before already? It then stays so. @default false */
  readonly wasStopped?: boolean;
  /** Starts it again; done before, it does nothing. Rejects with `service-not-switched`. */
  start(): Promise<void>;
};

/** A file, and the text of its first and last 4 KiB, each byte a character. */
export type FileEnds = { readonly path: string; readonly head: string; readonly tail: string };

/** What is in a file as far as its format tells. */
export type CheckedFile = {
  readonly format: string;
  readonly content: Content | undefined;
  /** Why there is no content although the file was read to its end. @default - it was judged by how it ends */
  readonly contentMissing?: string;
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
  /** What a backup would have as its parts, and what each is called: `database`, `tree`. */
  readonly parts: readonly { readonly kind: string; readonly name: string; readonly sizeBytes: number }[];
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

export type CaptureRequest = {
  readonly method: Method;
  readonly format: Format;
  /** The newest complete backup of the target by one of the method's parent methods. @default - there is none */
  readonly parent?: BackupReader;
};

/** The backup at the end of the chain, with those that it builds on; and what the whole is to be. */
export type SynthesisRequest = Omit<CaptureRequest, 'parent'> & { readonly from: BackupReader };

/** Reads streams of a backup and of those that it builds on, in part or whole. */
export type BackupReader = {
  readonly manifest: Manifest;
  /** The manifest of a backup that this one builds on, near or far, or its own. Throws `backup-unknown`. */
  ancestor(id: BackupId): Promise<Manifest>;
  /**
   * The plain bytes of whole objects of a stream, one after another, proved as they pass; all of the stream's when `objects` is left out.
   * Each chunk is the reader's own.
   */
  read(
    id: BackupId,
    stream: StreamRecord,
    objects?: { readonly first: number; readonly last: number },
  ): AsyncIterable<Uint8Array>;
};

/** A piece of a log as it is kept: all bytes from one position to another. Positions are the engine's own text. */
export type LogSegment = { readonly name: string; readonly from: string; readonly to: string };

/** The log that a target writes between its backups, as the store has it: in segments, along timelines that part where a server was promoted. */
export type LogReader = {
  /** The timelines of which there is anything. */
  timelines(): Promise<readonly number[]>;
  /** What is there of a timeline, in order, with its gaps. `to` is the segment's end, or where the bytes end that have come so far. */
  segments(timeline: number): Promise<readonly LogSegment[]>;
  /** Where the timeline comes from, in the server's own form; undefined for the first, and when it is not known. */
  history(timeline: number): Promise<string | undefined>;
  /** The plain bytes of one segment at its whole length, proved as they pass; what has not come yet is zeros. Each chunk is the reader's own. */
  read(name: string): AsyncIterable<Uint8Array>;
  /** As far as whoever fills the log has said; undefined when nobody has. */
  covered(): Promise<LogCover | undefined>;
};

/** A moment up to which nothing was committed on that timeline that is not before `lsn`, and the log is there up to `lsn`. */
export type LogCover = {
  readonly timeline: number;
  readonly at: string;
  readonly lsn: string;
  /** Nothing that is in the log was committed later: who fills it is at work, and it is this time now. @default - more may have come by other ways */
  readonly latest?: string;
};

export type Capture = {
  /** The backup that this one builds on: it must be kept as long as this one is. @default - none */
  readonly parent?: BackupId;
  readonly source: Manifest['source'];
  readonly streams: readonly CaptureStream[];
  /** Is the backup whole or nothing, so that a stream that fails ends the others and the run? @default false */
  readonly isIndivisible?: boolean;
  end(): Promise<void>;
};

/** One stream about to be read. `expectedBytes` is an estimate for progress only. */
export type CaptureStream = Pick<StreamRecord, 'stream' | 'kind' | 'name' | 'format'> & {
  readonly expectedBytes: number;
  /** Plain bytes after which it goes on in the next object, where parts of it are to be read alone. @default - as the configuration has it */
  readonly objectBytes?: number;
  /**
   * The engine takes a SHA-256 of every file or chunk in it, which its content, its index or the server's manifest holds: then none is taken of the
   * whole besides.
   * @default false
   */
  readonly isSummed?: boolean;
  /**
   * Begins to read. The iterable ends normally only when the source's tool has exited with 0 and its output proved whole; otherwise
   * it throws. `result` is there afterwards. Each chunk is good until the next one is asked for, and may be freed by whoever took it.
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
  readonly omissions?: Omissions;
  readonly remarks?: readonly string[];
};

export type RestorePlan = {
  readonly streams: readonly {
    readonly record: StreamRecord;
    readonly destination: string;
    /** The stream's plain bytes. Each chunk is the engine's own, which may free its memory. */
    open(): AsyncIterable<Uint8Array>;
  }[];
  /** May a database that exists already be replaced? The old one is renamed aside first and dropped only after the comparison. */
  readonly replace: boolean;
  /**
   * False for a rehearsal: everything is restored and compared, and then dropped; nothing is put in place or replaced.
   * @default true
   */
  readonly cutOver?: boolean;
  /**
   * How a copy is held against the manifest before it is put in place: `full` reads every row of it back; `loaded` holds the digests of what
   * the server was given, and how many rows it took, against it, where the format allows it.
   * @default full
   */
  readonly comparison?: ComparisonDepth;
  /** Only this, into something that is made or that exists. @default - all that the streams hold */
  readonly selection?: Selection;
  /** What becomes of an item that the destination has already, where a restore goes into something that is not empty. @default fail */
  readonly onConflict?: OnConflict;
  readonly source: Manifest['source'];
  /** Reads what the streams above refer to: other streams of the backup, and backups that it builds on. */
  readonly reader?: BackupReader;
  /** The log that goes on where the backup ends, for engines that keep one. @default - there is none */
  readonly log?: LogReader;
  /** How far the log is applied. @default - as far as it goes; without a log, to the backup's own point */
  readonly point?: RecoveryPoint;
  /** Which timeline is followed. @default - the newest that comes from the backup's */
  readonly timeline?: number;
  /** Where folders that the source has outside of its own go: by their path, or whatever the engine calls them. @default - inside the destination */
  readonly folders?: readonly { readonly from: string; readonly to: string }[];
  /** False: the copy is left as it would be started, and is not started, recovered or examined. @default true */
  readonly start?: boolean;
  /** Does the copy become a server of an identity of its own, so that neither standbys nor logs of its source fit it? @default false */
  readonly newIdentity?: boolean;
};

export type RestoreResult = {
  /** Where the log ended that was applied; left out where none was. */
  readonly reached?: ReachedPoint;
  /** What was read of the backups that this one builds on. @default 0 */
  readonly parentBytes?: number;
  readonly restored: readonly { readonly stream: string; readonly database: string; readonly comparison: Comparison }[];
};

/** A server held against what a production server should be set to, and the settings themselves in the forms in which they are applied. */
export type SettingsReport = {
  readonly serverVersion: string;
  /** Is it a service (RDS, Aurora) whose settings are in a parameter group? */
  readonly isManaged: boolean;
  readonly settings: readonly {
    readonly name: string;
    readonly group: string;
    /** `hidden`: this user may not look. */
    readonly verdict: 'ok' | 'differs' | 'hidden';
    readonly current: string;
    readonly wanted: string;
    readonly why: string;
    /** What may happen while it is set otherwise. */
    readonly risk: string;
    /** What to do; empty where nothing has to be done. */
    readonly fix: string;
    readonly needsRestart: boolean;
  }[];
  /** For the server's configuration file. */
  readonly fragment: string;
  /** For a managed server, as a CloudFormation template. */
  readonly parameterGroup: object;
};

export type RestoreTestPlan = Pick<RestorePlan, 'source' | 'reader' | 'log' | 'point'> & {
  readonly streams: readonly Omit<RestorePlan['streams'][number], 'destination'>[];
  readonly assertions: readonly Assertion[];
  /** The target's settings for restore tests that only this engine has (lib/config/targets); it parses them, and has defaults for all. */
  readonly options: Readonly<Record<string, unknown>>;
  /** An assertion that takes longer has failed. */
  readonly assertionTimeoutSeconds: number;
  /** Told when everything is in place and compared, before it is examined. */
  readonly onRestored: () => void;
  /** From 0 to below 1: where a test draws something by chance, it is drawn by this. */
  readonly chance?: number;
};

export type RestoreTestResult = RestoreResult & {
  /** What it was restored into, e.g. `PostgreSQL`. */
  readonly server: string;
  readonly serverVersion: string;
  readonly restoreSeconds: number;
  /** The moment that was brought back, where it is another than the backup's own. */
  readonly restoredPoint?: string;
  /** Structures of the server (tables and indexes) that were gone through; 0 where the engine has no such check. */
  readonly relations: number;
  /** What the examination found wrong, all of it; empty when the copy is good. */
  readonly problems: readonly { readonly code: 'copy-damaged' | 'assertion-failed'; readonly message: string }[];
  readonly remarks: readonly string[];
};

export type Comparison = {
  readonly same: boolean;
  /** What was done to know it. @default - there is nothing to read back, as of roles; the remarks say what was done */
  readonly proof?: RestoreProof;
  /** What was counted: `table` and `row`, unless the engine counts something else. */
  readonly words: ContentWords;
  readonly collectionsCompared: number;
  readonly itemsCompared: number;
  readonly differences: readonly string[];
  /** What could not or need not be compared and why, and what else the reader should know; no failure. */
  readonly remarks: readonly string[];
};
