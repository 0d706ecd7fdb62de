import { accessSync, constants, existsSync, lstatSync, readdirSync } from 'node:fs';
import * as z from 'zod';
import { mountsShape } from '../../config/targets/mounts.ts';
import { firstFew } from '../../core/first-few.ts';
import type { EngineContext, EngineHealth, Probe } from '../engine.ts';
import { type Connection, parseConnection, type TreeSettings } from './connection.ts';
import { throwIfStopped, translated } from './errors.ts';
import { openLibc } from './native/libc.ts';
import { requireFolder, sourceFacts } from './source.ts';
import { Choice } from './tree/choice.ts';
import { shownPath } from './tree/entry.ts';
import { type Omission, omissionOf } from './tree/omission.ts';
import { pathIn } from './tree/read-entry.ts';
import { walkTree } from './tree/walk.ts';

/** So many names are looked at to say how large a tree is; of a larger one, what it is at least. */
const mostLookedAt = 200_000;
const mostNamed = 5;

type Finding = Probe['findings'][number];

/** Are the folders there, how large are they, and what in them could not be read? Reads names and sizes, and no content. */
export async function probeTrees(context: EngineContext): Promise<Probe> {
  const connection = parseConnection(context.connection);
  const findings: Finding[] = [];
  const parts: { kind: string; name: string; sizeBytes: number }[] = [];
  for (const tree of connection.trees) {
    requireFolder(tree);
    try {
      const { sizeBytes, found } = await lookAt(context, connection, tree);
      parts.push({ kind: 'tree', name: tree.name, sizeBytes });
      findings.push(...found);
    } catch (error) {
      throw translated(error, `tree '${tree.name}'`);
    }
  }
  if (openLibc() === undefined)
    findings.push({
      level: 'warning',
      message: 'extended attributes and access control lists will be left out',
      fix: "install the package 'koffi' beside the program; there is none for this system, if that fails",
    });
  const facts = sourceFacts(connection);
  return { reachable: true, serverVersion: String(facts['serverVersion']), facts, parts, findings };
}

async function lookAt(
  context: EngineContext,
  { oneFileSystem, allowEmpty }: Connection,
  tree: TreeSettings,
): Promise<{ readonly sizeBytes: number; readonly found: readonly Finding[] }> {
  const root = Buffer.from(tree.path);
  const unreadable: string[] = [];
  const mounts: string[] = [];
  let [names, sizeBytes] = [0, 0];
  const options = { root, choice: new Choice(tree), oneFileSystem };
  const onOmission = ({ path, reason }: Omission): void => {
    (reason === 'mount' ? mounts : unreadable).push(shownPath(path));
  };
  for await (const paths of walkTree({ ...options, onOmission })) {
    throwIfStopped(context.signal, 'the probe');
    names += paths.length;
    for (const path of paths) {
      try {
        const stats = lstatSync(pathIn(root, path), { throwIfNoEntry: false });
        if (!stats?.isFile()) continue;
        sizeBytes += stats.size;
        accessSync(pathIn(root, path), constants.R_OK);
      } catch (error) {
        if (omissionOf(path, error).reason === 'unreadable') unreadable.push(shownPath(path));
      }
    }
    if (names >= mostLookedAt) break;
  }
  const found: Finding[] = [];
  if (names <= 1 && !allowEmpty)
    found.push({
      level: 'error',
      message: `tree '${tree.name}': the folder '${tree.path}' is empty, and a backup of it would fail`,
      fix: "is a file system to be mounted there? If nothing is to be there, say 'allowEmpty: true'",
    });
  if (mounts.length > 0)
    found.push({
      level: 'warning',
      message: `tree '${tree.name}': other file systems are mounted below it and left out, at ${namesOf(mounts)}`,
      fix: "'oneFileSystem: false' takes them in; exclude them, if they are not to be in the backup",
    });
  if (unreadable.length > 0) {
    found.push({
      level: 'warning',
      message: `tree '${tree.name}': ${unreadable.length} files cannot be read by this user, e.g. ${namesOf(unreadable)}`,
      fix: 'a backup would be partial: run as a user who may read them, or leave them out with exclude',
    });
  }
  return { sizeBytes, found };
}

const namesOf = (paths: readonly string[]): string => {
  const quoted = paths.map((path) => `'${path}'`);
  return firstFew(quoted, mostNamed);
};

/** Are the folders there, and is something in them? */
export async function treesHealth(context: EngineContext): Promise<EngineHealth> {
  const connection = parseConnection(context.connection);
  const { mounts } = z.object(mountsShape).parse(context.options);
  const empty: string[] = [];
  for (const tree of connection.trees) {
    if (mounts.length > 0 && !existsSync(tree.path)) return notMounted(connection);
    requireFolder(tree);
    try {
      if (readdirSync(tree.path).length === 0 && !connection.allowEmpty) empty.push(`'${tree.path}'`);
    } catch (error) {
      throw translated(error, `tree '${tree.name}'`);
    }
  }
  return {
    serverVersion: String(sourceFacts(connection)['serverVersion']),
    unarchivedWalFiles: null,
    ...(empty.length > 0 && { note: `empty, as a mount that is missing would be: ${empty.join(', ')}` }),
  };
}

/** Of a target whose file systems only backups and restores see. */
const notMounted = (connection: Connection): EngineHealth => ({
  serverVersion: String(sourceFacts(connection)['serverVersion']),
  unarchivedWalFiles: null,
  note: 'not asked: its file systems are mounted for backups and restores alone',
});
