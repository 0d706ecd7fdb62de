import { createReadStream } from 'node:fs';
import type { CheckedFile, FileEnds } from '../engine.ts';
import { aofFormat } from './formats/aof-format.ts';
import type { KeyFormat } from './formats/format.ts';
import { jsonFormat } from './formats/json-format.ts';
import { rdbFormat } from './formats/rdb-format.ts';
import { ContentDigest } from './keys/content-digest.ts';

const beginnings: readonly (readonly [RegExp, string, KeyFormat])[] = [
  [/^(REDIS\d{4}|VALKEY\d{3})/, 'Redis RDB file', rdbFormat],
  [/^\{"format":"holdfast-redis-json"/, 'JSON export of Redis', jsonFormat],
  [/^\*\d\r\n\$(6\r\nSELECT|8\r\nFUNCTION)\r\n/, 'Redis commands', aofFormat],
];

/** A snapshot of Redis, be it ours or the server's own `dump.rdb`, read to its last byte; undefined for any other file. */
export async function checkFile({ path, head }: FileEnds, signal: AbortSignal): Promise<CheckedFile | undefined> {
  const found = beginnings.find(([pattern]) => pattern.test(head));
  if (!found) return undefined;
  const [, name, format] = found;
  const digest = new ContentDigest();
  const reader = format.reader(digest);
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 1 << 20 })) reader.write(chunk as Buffer);
  reader.end();
  return { format: name, content: digest.content() };
}
