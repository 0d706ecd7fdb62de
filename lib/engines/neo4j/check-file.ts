import { createReadStream } from 'node:fs';
import type { CheckedFile, FileEnds } from '../engine.ts';
import { cypherFormat } from './capture.ts';
import { dumpFormat, dumpMagic } from './dump/dump-check.ts';
import { dumpContent, scriptContent } from './inspect.ts';
import { firstLine } from './script/statements.ts';

/** Proves a dump of neo4j-admin or a Cypher script of Holdfast's whole, by reading all of it. */
export async function checkFile({ path, head }: FileEnds, signal: AbortSignal): Promise<CheckedFile | undefined> {
  if (head.startsWith(dumpMagic))
    return { format: dumpFormat, content: await dumpContent(createReadStream(path), signal) };
  if (!head.startsWith(firstLine)) return undefined;
  return { format: cypherFormat, content: await scriptContent(createReadStream(path), { signal, scratch: '' }) };
}
