import { createReadStream } from 'node:fs';
import { HoldfastError } from '../../core/errors.ts';
import type { CheckedFile, FileEnds } from '../engine.ts';
import { ArchiveInspector } from './archive/archive-inspector.ts';
import { customFormat } from './formats/custom-format.ts';
import { globalsFormat } from './formats/formats.ts';
import { inspectStream } from './inspect.ts';

const plainFormat = 'pg_dump-plain';

/**
 * Proves a file of pg_dump or pg_dumpall whole: custom archives are parsed to the last block; an SQL script has to end as its tool ends one.
 */
export async function checkFile({ path, head, tail }: FileEnds, signal: AbortSignal): Promise<CheckedFile | undefined> {
  const format = formatOf(head);
  if (format === undefined) return undefined;
  if (format === plainFormat) {
    if (!/^-- PostgreSQL database dump complete$/m.test(tail))
      throw new HoldfastError('dump-incomplete', `'${path}' does not end as pg_dump ends a script: it was cut off`);
    return { format, content: undefined };
  }
  if (format === customFormat.name) return { format, ...(await inspectArchive(path, signal)) };
  const content = await inspectStream({ format, kind: 'file', name: path }, createReadStream(path), {
    target: '',
    connection: undefined,
    parallelJobs: 1,
    options: {},
    signal,
    progress: () => {},
    scratch: '',
  });
  return { format, content };
}

async function inspectArchive(path: string, signal: AbortSignal): Promise<Omit<CheckedFile, 'format'>> {
  const inspector = new ArchiveInspector();
  for await (const chunk of createReadStream(path, { signal }) as AsyncIterable<Uint8Array>) inspector.write(chunk);
  const { content, contentMissing } = inspector.end();
  return { content, ...(contentMissing !== null && { contentMissing }) };
}

function formatOf(head: string): string | undefined {
  if (head.startsWith('PGDMP')) return customFormat.name;
  if (/^-- PostgreSQL database cluster dump$/m.test(head)) return globalsFormat;
  return /^-- PostgreSQL database dump$/m.test(head) ? plainFormat : undefined;
}
