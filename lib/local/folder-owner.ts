import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../core/errors.ts';
import { hasCode } from '../core/has-code.ts';
import { processIdentity } from '../servers/process-identity.ts';

/**
 * Makes this process the one that may use the folder, until `release` or its death. Rejects with `lease-held` while another (or this
 * one already) has it. What a dead process left is taken over.
 *
 * Invariant: at most one live process is named in the file `owner`. It is created with its content or not at all; of two processes
 * that take over at once, one fails to rename what the other has renamed away.
 */
export function ownFolder(folder: string): { release(): void } {
  const file = path.join(folder, 'owner');
  const identity = processIdentity(process.pid) ?? String(process.pid);
  for (;;) {
    try {
      writeFileSync(file, identity, { flag: 'wx', mode: 0o644 });
      return {
        release() {
          if (ownerOf(folder) === process.pid) rmSync(file, { force: true });
        },
      };
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    const holder = ownerOf(folder);
    if (holder !== undefined) {
      throw new HoldfastError('lease-held', `'${folder}' is in use by process '${holder}'`, {
        hint: 'end that process first: it may be a stack that runs in another terminal',
      });
    }
    const aside = `${file}.${process.pid}`;
    try {
      renameSync(file, aside);
      rmSync(aside);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
}

/** The pid of the live process that owns the folder. */
export function ownerOf(folder: string): number | undefined {
  try {
    const identity = readFileSync(path.join(folder, 'owner'), 'utf8');
    const pid = Number.parseInt(identity, 10);
    return processIdentity(pid) === identity ? pid : undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
