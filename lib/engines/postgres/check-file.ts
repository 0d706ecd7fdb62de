import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { HoldfastError } from '../../core/errors.ts';
import type { Content } from '../../core/manifest.ts';
import { databaseFormat, globalsFormat } from './formats.ts';
import { inspectStream } from './inspect.ts';

/** What a file of PostgreSQL's tools is, and what is in it as far as its format tells. */
export type CheckedFile = {
  readonly format: string;
  readonly sizeBytes: number;
  readonly content: Content | undefined;
};

const plainFormat = 'pg_dump-plain';
const headBytes = 4096;

/**
 * Proves a file of pg_dump or pg_dumpall whole, be it Holdfast's export or made by hand: custom archives are parsed to the last block; an SQL
 * script has to end as its tool ends one. Rejects with `corrupt` or `dump-incomplete`, and with `usage` for a file of another kind.
 */
export async function checkFile(file: string, signal: AbortSignal): Promise<CheckedFile> {
  const { head, tail, sizeBytes } = await endsOf(file);
  const format = formatOf(head);
  if (format === undefined) {
    throw new HoldfastError(
      'usage',
      `'${file}' is neither an archive of pg_dump nor an SQL script of pg_dump or pg_dumpall`,
      {
        hint: 'a backup itself is checked by its id, or by the path of its manifest.json',
      },
    );
  }
  if (format === plainFormat) {
    if (!/^-- PostgreSQL database dump complete$/m.test(tail))
      throw new HoldfastError('dump-incomplete', `'${file}' does not end as pg_dump ends a script: it was cut off`);
    return { format, sizeBytes, content: undefined };
  }
  const content = await inspectStream({ format, kind: 'file', name: file }, createReadStream(file), {
    target: '',
    connection: undefined,
    settings: { parallelJobs: 1, lockTimeoutSeconds: 0, statementTimeoutSeconds: 0 },
    signal,
    progress: () => {},
    scratch: '',
  });
  return { format, sizeBytes, content };
}

function formatOf(head: string): string | undefined {
  if (head.startsWith('PGDMP')) return databaseFormat;
  if (/^-- PostgreSQL database cluster dump$/m.test(head)) return globalsFormat;
  return /^-- PostgreSQL database dump$/m.test(head) ? plainFormat : undefined;
}

async function endsOf(
  file: string,
): Promise<{ readonly head: string; readonly tail: string; readonly sizeBytes: number }> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new HoldfastError('usage', `'${file}' cannot be read`, { cause });
  });
  try {
    const { size } = await handle.stat();
    const textAt = async (position: number): Promise<string> => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, position);
      return buffer.subarray(0, bytesRead).toString('latin1');
    };
    return { head: await textAt(0), tail: await textAt(Math.max(0, size - headBytes)), sizeBytes: size };
  } finally {
    await handle.close();
  }
}
