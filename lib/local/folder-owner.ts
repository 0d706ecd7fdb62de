import { readFileSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../core/errors.ts';
import { hasCode } from '../core/has-code.ts';
import { claimFile } from '../servers/claim-file.ts';
import { livingProcess, processIdentity } from '../servers/process-identity.ts';

/**
 * Makes this process the one that may use the folder, until `release` or its death. Rejects with `lease-held` while another (or this
 * one already) has it. What a dead process left is taken over.
 *
 * Invariant: the file `owner` is a claim, so that of the living at most one has the folder. A crash leaves it, and the next one takes it over.
 */
export function ownFolder(folder: string): { release(): void } {
  const claimed = claimFile(path.join(folder, 'owner'), {
    text: processIdentity(process.pid) ?? String(process.pid),
    isGone: (_, text) => livingProcess(text) === undefined,
  });
  if ('claim' in claimed) return claimed.claim;
  throw new HoldfastError('lease-held', `'${folder}' is in use by process '${Number.parseInt(claimed.holder, 10)}'`, {
    hint: 'end that process first: it may be a stack that runs in another terminal',
  });
}

/** The pid of the live process that owns the folder. */
export function ownerOf(folder: string): number | undefined {
  try {
    return livingProcess(readFileSync(path.join(folder, 'owner'), 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
