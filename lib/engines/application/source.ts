import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { release } from 'node:os';
import { HoldfastError } from '../../core/errors.ts';
import type { Capture } from '../engine.ts';
import type { Connection, TreeSettings } from './connection.ts';

/** What a manifest says of the machine whose files they are. */
export function sourceFacts({ trees }: Pick<Connection, 'trees'>): Capture['source'] {
  return {
    serverVersion: `${process.platform} ${release()}`,
    platform: process.platform,
    trees: Object.fromEntries(trees.map(({ name, path }) => [name, path])),
  };
}

/** Throws unless there is a folder to be read. */
export function requireFolder({ name, path }: Pick<TreeSettings, 'name' | 'path'>): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new HoldfastError('source-unreachable', `tree '${name}': there is no folder '${path}'`, {
    hint: 'is the path right, and the file system that it is on mounted? A link in its place is not followed',
  });
}

/** Throws when nothing but the folder itself was read, which is what a mount that is missing looks like. */
export function requireSomething({ name, path }: TreeSettings, { allowEmpty }: Connection, files: number): void {
  if (files > 1 || allowEmpty) return;
  throw new HoldfastError('dump-incomplete', `tree '${name}': the folder '${path}' is empty`, {
    hint: "is a file system to be mounted there? If nothing is to be there, say 'allowEmpty: true'",
  });
}

/** A key segment that tells the tree: its name where that is one, otherwise what is left of it and a hash of the whole. */
export function streamName(prefix: string, name: string): string {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  if (plain === name && name.length <= 50) return `${prefix}-${name}`;
  return `${prefix}-${plain.slice(0, 40)}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}
