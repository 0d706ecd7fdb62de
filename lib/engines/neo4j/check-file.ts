import { createReadStream } from 'node:fs';
import type { CheckedFile, FileEnds } from '../engine.ts';
import { cypherFormat } from './capture.ts';
import { scriptContent } from './inspect.ts';
import { firstLine } from './script/statements.ts';

/** Proves a Cypher script of Holdfast's whole, by parsing all of it. */
export async function checkFile({ path, head }: FileEnds, signal: AbortSignal): Promise<CheckedFile | undefined> {
  if (!head.startsWith(firstLine)) return undefined;
  return { format: cypherFormat, content: await scriptContent(createReadStream(path), { signal, scratch: '' }) };
}
