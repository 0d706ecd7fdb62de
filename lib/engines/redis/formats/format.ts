import type { KeySink } from '../keys/key-sink.ts';
import type { Server } from '../server.ts';

/** Reads a stream's bytes as they come, and gives its keys to a sink. */
export type FormatReader = {
  /** Are chunks held on to after they were written? */
  readonly keepsChunks: boolean;
  /** Throws `corrupt`. */
  write(chunk: Uint8Array): void;
  /** Facts that the bytes tell beside keys. Throws `dump-incomplete` when more should have come. */
  end(): Readonly<Record<string, string | number | boolean | readonly string[]>>;
};

/** Writes keys as they come. */
export type FormatWriter = KeySink & {
  /** How many bytes wait to be taken. */
  readonly length: number;
  /** What was written since the last time; the caller's. */
  take(): Uint8Array;
  /** Writes what shows that nothing is missing. */
  end(): void;
};

/** One form in which a backup's keys are written. */
export type KeyFormat = {
  /** As it stands in manifests. */
  readonly name: string;
  reader(sink: KeySink, options?: { readonly rawLimitBytes?: number }): FormatReader;
  /** Absent where the server's own snapshot is taken as it comes. */
  readonly writer?: (server: Pick<Server, 'major' | 'minor'>) => FormatWriter;
};
