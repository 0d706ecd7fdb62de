import { HoldfastError } from '../core/errors.ts';

/** The first segment that a directory store keeps for itself; no object may live there, in any store. */
export const reservedSegment = '.store';

/**
 * Throws `internal` unless `key` is one that every store can hold: 1 to 1024 bytes of UTF-8, in segments parted by `/` that
 * are 1 to 255 bytes long, are not `.` or `..`, and hold no control character and no backslash. The first is not `.store`.
 * Keys are made by lib/core/object-keys.ts, so a bad one is a bug or an attack, and never reaches a file system.
 *
 * A key is never the folder of another (`a` beside `a/b`): directories cannot hold both, and some S3 servers hide one.
 */
export function assertKey(key: string): void {
  const reason = whyNotKey(key);
  if (reason !== undefined) throw new HoldfastError('internal', `object key ${JSON.stringify(key)} ${reason}`);
}

/** What is wrong with `key`, or undefined. */
export function whyNotKey(key: string): string | undefined {
  if (key === '') return 'is empty';
  if (!key.isWellFormed()) return 'is not well-formed Unicode';
  if (Buffer.byteLength(key) > 1024) return 'is longer than 1024 bytes';
  const segments = key.split('/');
  if (segments[0] === reservedSegment) return `begins with the reserved segment '${reservedSegment}'`;
  for (const segment of segments) {
    if (segment === '') return 'has an empty segment';
    if (segment === '.' || segment === '..') return `has the segment '${segment}'`;
    if (Buffer.byteLength(segment) > 255) return 'has a segment longer than 255 bytes';
    // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
    if (/[\u0000-\u001f\u007f\\]/.test(segment)) return 'has a control character or a backslash';
  }
  return undefined;
}

/** Whether any key can begin with `prefix`: the folder that it names, if one, has to be one of keys. */
export function canBeginKeys(prefix: string): boolean {
  const folder = prefix.slice(0, Math.max(0, prefix.lastIndexOf('/')));
  return prefix[0] !== '/' && (folder === '' || whyNotKey(folder) === undefined);
}

/** The order of listings: that of the keys' UTF-8 bytes, as in S3. (JavaScript's own order differs beyond U+FFFF.) */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
