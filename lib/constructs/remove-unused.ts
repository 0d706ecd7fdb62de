import { rmSync, statSync } from 'node:fs';

const unusedMilliseconds = 24 * 3600_000;

/** Is it a day and more since then? */
export const isUnused = (usedAt: number): boolean => Date.now() - usedAt > unusedMilliseconds;

/** Removes of these files and folders, which are kept to be used again, those that were not written to for a day. */
export function removeUnused(paths: Iterable<string>): void {
  for (const path of paths) {
    const usedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (isUnused(usedAt)) rmSync(path, { recursive: true, force: true });
  }
}
