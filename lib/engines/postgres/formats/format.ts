import type { Content, StreamRecord } from '../../../core/manifest.ts';

/** In what form a stream of one database is written, and how it is asked for and proved. How it is put back is in restore-database.ts. */
export type DatabaseFormat = {
  /** `format` of the stream's record. */
  readonly name: string;
  /** `schema` for the definitions alone, which are never taken for the data. */
  readonly kind: 'database' | 'schema';
  /** Which tool puts it back. */
  readonly restoredBy: 'pg_restore' | 'psql';
  /** What pg_dump is to write. */
  readonly dumpArguments: readonly string[];
  inspector(): FormatInspector;
};

/** Looks at a stream's bytes as they pass, and proves them whole at the end. `write` and `end` throw `corrupt` and `dump-incomplete`. */
export type FormatInspector = {
  write(chunk: Uint8Array): void;
  end(): FormatInspection;
};

export type FormatInspection = {
  /** Undefined where rows cannot be read, as in archives that pg_dump compressed. */
  readonly content: Content | undefined;
  /** What the bytes say of themselves, for the record. */
  readonly facts: StreamRecord['facts'];
};
