import { open } from 'node:fs/promises';
import { HoldfastError } from '../core/errors.ts';
import type { CheckedFile, FileEnds } from './engine.ts';
import { allEngines } from './open-engine.ts';

const endBytes = 4096;

/**
 * Proves a file of an engine's own tools whole, whichever engine's it is. Rejects with `corrupt` or `dump-incomplete`, and with `usage` for a
 * file of another kind.
 */
export async function checkFile(
  path: string,
  signal: AbortSignal,
): Promise<CheckedFile & { readonly sizeBytes: number }> {
  const { sizeBytes, ...ends } = await endsOf(path);
  for (const engine of allEngines()) {
    const checked = await engine.checkFile(ends, signal);
    if (checked) return { ...checked, sizeBytes };
  }
  throw new HoldfastError('usage', `'${path}' is no file that a tool of any engine here writes`, {
    hint: 'a backup itself is checked by its id, or by the path of its manifest.json',
  });
}

async function endsOf(path: string): Promise<FileEnds & { readonly sizeBytes: number }> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new HoldfastError('usage', `'${path}' cannot be read`, { cause });
  });
  try {
    const { size } = await handle.stat();
    const textAt = async (position: number): Promise<string> => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(endBytes), 0, endBytes, position);
      return buffer.subarray(0, bytesRead).toString('latin1');
    };
    return { path, head: await textAt(0), tail: await textAt(Math.max(0, size - endBytes)), sizeBytes: size };
  } finally {
    await handle.close();
  }
}
