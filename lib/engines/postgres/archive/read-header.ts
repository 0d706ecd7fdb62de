import { HoldfastError } from '../../../core/errors.ts';
import type { Compression } from '../../../core/vocabulary.ts';
import { type ByteFeed, malformed, type Reading } from './byte-feed.ts';

/** How an archive's data blocks are compressed; pg_dump knows one more than Holdfast itself uses. */
export type ArchiveCompression = Compression | 'lz4';

export type ArchiveHeader = {
  /** Of the archive format, major version 1: 14 in PostgreSQL 12 to 15, 15 in 16, 16 in 17 and 18. */
  readonly minorVersion: number;
  readonly compression: ArchiveCompression;
  /** As pg_dump's machine told the time; the archive does not say in which zone. */
  readonly createdAtLocal: string;
  readonly database: string;
  readonly serverVersion: string;
  readonly toolVersion: string;
};

const oldestMinorVersion = 12;
const newestMinorVersion = 16;
const algorithms: readonly ArchiveCompression[] = ['none', 'gzip', 'lz4', 'zstd'];
const longestNameBytes = 65_536;

/** Reads what WriteHead of PostgreSQL's pg_backup_archiver.c writes. */
export function* readHeader(feed: ByteFeed): Reading<ArchiveHeader> {
  for (const letter of 'PGDMP') yield* fixedByte(feed, "the mark 'PGDMP'", letter.charCodeAt(0));
  yield* fixedByte(feed, 'format version 1', 1);
  const minorVersion = yield* readMinorVersion(feed);
  yield* fixedByte(feed, 'format revision 0', 0);
  yield* fixedByte(feed, 'integers of 4 bytes', 4);
  yield* fixedByte(feed, 'offsets of 8 bytes', 8);
  yield* fixedByte(feed, 'the custom format', 1);
  const compression = yield* readCompression(feed, minorVersion);
  const createdAtLocal = yield* readTime(feed);
  const database = yield* feed.text("the database's name", longestNameBytes);
  if (!database) throw malformed(feed.offset, "the database's name", 'none');
  const serverVersion = yield* feed.textLike("the server's version", /^\d+[.\w]* ?.*$/);
  const toolVersion = yield* feed.textLike("pg_dump's version", /^\d+[.\w]* ?.*$/);
  return { minorVersion, compression, createdAtLocal, database, serverVersion, toolVersion };
}

function* fixedByte(feed: ByteFeed, expected: string, value: number): Reading<void> {
  const at = feed.offset;
  const found = yield* feed.byte(expected);
  if (found !== value) throw malformed(at, `${expected}, a byte of value ${value}`, String(found));
}

function* readMinorVersion(feed: ByteFeed): Reading<number> {
  const at = feed.offset;
  const minor = yield* feed.byte('the format version');
  if (minor > newestMinorVersion)
    throw new HoldfastError(
      'version-mismatch',
      `the archive's format at byte ${at} is 1.${minor}, newer than 1.${newestMinorVersion}`,
      { hint: 'does a newer Holdfast support the PostgreSQL version that made it?' },
    );
  if (minor < oldestMinorVersion)
    throw malformed(at, `a format version from 1.${oldestMinorVersion} to 1.${newestMinorVersion}`, `1.${minor}`);
  return minor;
}

/** Since 1.15 a byte that names the algorithm; before, a gzip level, 0 for none and -1 for the default. */
function* readCompression(feed: ByteFeed, minorVersion: number): Reading<ArchiveCompression> {
  if (minorVersion < 15) return (yield* feed.integerWithin('the compression level', -1, 9)) === 0 ? 'none' : 'gzip';
  const at = feed.offset;
  const value = yield* feed.byte('the compression algorithm');
  const algorithm = algorithms[value];
  if (!algorithm) throw malformed(at, 'a compression algorithm from 0 to 3', String(value));
  return algorithm;
}

function* readTime(feed: ByteFeed): Reading<string> {
  const second = yield* feed.integerWithin('the second of the dump', 0, 60);
  const minute = yield* feed.integerWithin('the minute of the dump', 0, 59);
  const hour = yield* feed.integerWithin('the hour of the dump', 0, 23);
  const day = yield* feed.integerWithin('the day of the dump', 1, 31);
  const month = yield* feed.integerWithin('the month of the dump', 0, 11);
  const year = yield* feed.integerWithin('the year of the dump since 1900', 100, 8099);
  yield* feed.integerWithin('whether the dump was in summer time', -1, 1);
  const pad = (value: number): string => String(value).padStart(2, '0');
  return `${year + 1900}-${pad(month + 1)}-${pad(day)}T${pad(hour)}:${pad(minute)}:${pad(second)}`;
}
