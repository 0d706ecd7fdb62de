import type { BackupId, TargetName } from '../ids.ts';

/** One object of a server's write-ahead log, as a listing of the store tells of it. */
export type LogObject = {
  /** The server's name for it, which sorts within its timeline as the log runs. */
  readonly name: string;
  readonly timeline: number;
  /** Where in the log it belongs, whatever its timeline: text that sorts, the same for a segment and its pieces. */
  readonly position: string;
  /** Labels and the like are `other`: they go with the segment that they are beside. */
  readonly kind: 'segment' | 'piece' | 'other';
  readonly sizeBytes: number;
  /** By the store's clock, in milliseconds: there may be a million of these. */
  readonly modifiedAt: number;
};

/** What the store has of the log of one system, which is what a server calls the cluster that it is. */
export type StoredLog = {
  readonly target: TargetName;
  readonly systemIdentifier: string;
  /** By name within each timeline. */
  readonly objects: readonly LogObject[];
};

/** From where on a backup of a whole server needs the log. */
export type LogStart = {
  readonly backup: BackupId;
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** The segment in which it begins, as `LogObject` has it. */
  readonly position: string;
  /** When the backup's manifest was written, by the store's clock: ISO text. */
  readonly writtenAt: string;
};
