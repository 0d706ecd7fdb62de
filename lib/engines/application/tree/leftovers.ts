import { randomBytes } from 'node:crypto';

/**
 * Folders that a restore works with, beside the one that it restores or in it: what is being restored, what was replaced, and a copy that
 * differs from its backup.
 */
export type WorkFolder = 'restoring' | 'replaced' | 'differs';

/** A name for such a folder that nobody else has. */
export const workFolderName = (name: string, what: WorkFolder): string =>
  `.${name}.holdfast-${what}-${randomBytes(4).toString('hex')}`;

/** Paths that end in such a name: no backup holds them. */
export const leftoverPattern = /(^|\/)\.[^/]*\.holdfast-(restoring|replaced|differs)-[0-9a-f]{8}$/;

/** What a work folder of that destination is, by its own name; undefined for all other names. */
export function workFolderOf(entry: string, name: string): WorkFolder | undefined {
  const match = /^\.(.*)\.holdfast-(restoring|replaced|differs)-[0-9a-f]{8}$/s.exec(entry);
  return match?.[1] === name ? (match[2] as WorkFolder) : undefined;
}
