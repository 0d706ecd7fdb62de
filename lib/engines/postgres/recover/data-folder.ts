import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import { accountOfFolder } from '../../../servers/account-of-folder.ts';
import { asAccount, type ServerAccount } from '../../../servers/server-account.ts';
import { type FolderHold, holdFolder, isOfHold } from './folder-hold.ts';
import { syncNames, syncTree } from './sync-tree.ts';

/** Stands in a folder that a restore fills, from its first moment until all is done. */
export const incompleteMark = 'HOLDFAST_RESTORE_IS_INCOMPLETE';
/** What a restore needs while it works: set-aside files, the log's segments on their way to the server. */
const workName = 'holdfast-restore';

const markText = `A restore by Holdfast is filling this folder, or was interrupted while it did.
No server should be started on it. The next restore into this folder clears it away and begins anew.
`;

/** A folder that becomes a data directory, or a tablespace. */
export type DataFolder = {
  readonly path: string;
  readonly account: ServerAccount | undefined;
  /** A folder in it, on the same file system, that is gone when it is handed over. */
  readonly work: string;
  /** The first of the folders on the way to it, itself the last, that was made for it; undefined when it was there. */
  readonly made: string | undefined;
  readonly hold: FolderHold;
};

/**
 * Opens a folder for a restore: makes it if need be, and marks it. What an interrupted restore has left in it is cleared away; anything else
 * that is in it has the restore refused, with `target-not-empty`; and another restore that is at work in it, with `lease-held`.
 *
 * Invariant: as long as the mark stands in it, nobody was told that it is good. In order: the mark, the files but `pg_control`, that file (a server
 * starts on no folder without it), the recovery, the checks; then it is handed over: the mark goes last. A crash at any moment leaves the mark.
 */
export function openDataFolder(folder: string): DataFolder {
  const account = accountOfFolder(folder);
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Nothing is written to a folder of somebody else's.
  requireFree(folder);
  const hold = holdFolder(folder, account);
  try {
    // Whoever had it until now may have filled it.
    if (requireFree(folder) === 'interrupted') clearLeftovers(folder);
    const mark = path.join(folder, incompleteMark);
    writeFileSync(mark, markText, { mode: 0o600 });
    const work = path.join(folder, workName);
    mkdirSync(work, { mode: 0o700 });
    chmodSync(folder, 0o700);
    // The server has to pass through what was made above the folder too.
    const above = made === undefined ? [] : foldersBetween(made, folder);
    if (account) for (const one of [...above, folder, mark, work]) chownSync(one, account.uid, account.gid);
    return { path: folder, account, work, made, hold };
  } catch (error) {
    hold.release();
    throw error;
  }
}

function requireFree(folder: string): 'empty' | 'interrupted' {
  const names = readdirSync(folder);
  if (names.includes(incompleteMark)) return 'interrupted';
  if (names.every((name) => isKept(name))) return 'empty';
  throw new HoldfastError('target-not-empty', `'${folder}' is not empty`, {
    hint: 'restore into another folder with --as, or move what is there aside',
  });
}

/** Throws `preflight-failed` where the account that the server runs as cannot come to the folder: it owns it, and a folder above is closed to it. */
export function requirePassable({ path: folder, account }: DataFolder): void {
  if (account === undefined) return;
  const { status } = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
    ...asAccount(account),
    stdio: 'ignore',
  });
  if (status === 0) return;
  throw new HoldfastError(
    'preflight-failed',
    `account '${account.name}', as which the server runs, may not pass through a folder above '${folder}'`,
    { hint: 'restore into another folder with --as, or let that account pass: chmod o+x on each folder above' },
  );
}

function foldersBetween(first: string, folder: string): readonly string[] {
  const parent = path.dirname(folder);
  return folder === first || parent.length < first.length ? [] : [...foldersBetween(first, parent), parent];
}

/**
 * Takes back what a restore that failed has put there, and the folders that were made for it. One of those in which something else is by now
 * stays with it: a restore takes hours, and others may have found the folder useful.
 */
export function takeBack({ path: folder, made, hold }: DataFolder): void {
  if (!hold.isHeld()) return;
  removeContents(folder);
  rmSync(path.join(folder, incompleteMark), { force: true });
  hold.release();
  if (made === undefined) return;
  for (const one of [folder, ...foldersBetween(made, folder).toReversed()]) {
    if (readdirSync(one).length > 0) return;
    rmdirSync(one);
  }
}

function clearLeftovers(folder: string): void {
  if (existsSync(path.join(folder, 'postmaster.pid')))
    throw new HoldfastError(
      'target-not-empty',
      `'${folder}' is not empty: an interrupted restore left it, and a server runs or ran on it`,
      {
        hint: 'stop that server and remove postmaster.pid, or restore into another folder with --as',
      },
    );
  removeContents(folder);
}

/** Is that something that a restore, or the file system, has put into the folder? */
export const isNoFileOfCluster = (name: string): boolean =>
  name === incompleteMark || name === workName || isKept(name);

/** All but the mark, so that a crash in between is seen. */
function removeContents(folder: string): void {
  for (const name of readdirSync(folder))
    if (name !== incompleteMark && !isKept(name)) rmSync(path.join(folder, name), { recursive: true, force: true });
}

/** What may be in a folder that counts as empty. */
const isKept = (name: string): boolean => name === 'lost+found' || isOfHold(name);

/**
 * Says that the folders of a cluster are whole: what the restore needed goes, then each one's mark, and then its hold, so that nobody clears away what
 * is whole. Rejects with `lease-lost` when another restore has taken one of them over, and touches none then.
 *
 * Invariant: the first mark goes when everything in all of them is on the disk, so that what a disk refuses leaves folders that can be taken back, and
 * a machine that fails at any moment comes back with folders that are marked or whole. The last folder's mark is the last to go.
 */
export async function handOver(folders: readonly DataFolder[]): Promise<void> {
  for (const { path: folder, work, made, hold } of folders) {
    requireHeld(folder, hold);
    rmSync(work, { recursive: true, force: true });
    await syncTree(folder, isNoFileOfCluster);
    for (const one of made === undefined ? [] : [...foldersBetween(made, folder), path.dirname(made)])
      await syncNames(one);
  }
  for (const { path: folder, hold } of folders) requireHeld(folder, hold);
  for (const { path: folder, hold } of folders) {
    rmSync(path.join(folder, incompleteMark), { force: true });
    // A mark that came back would have the next restore clear the folder away.
    await syncNames(folder);
    hold.release();
  }
}

function requireHeld(folder: string, hold: FolderHold): void {
  if (!hold.isHeld())
    throw new HoldfastError('lease-lost', `another restore has taken '${folder}' over while this one did not answer`);
}

const controlFile = path.join('global', 'pg_control');

/** Where `pg_control` is put until the rest is there. */
export const controlFileAside = path.join(workName, 'pg_control');

/** Gives the folder its `pg_control`: from now on a server may start on it. */
export function completeDataFolder({ path: folder }: DataFolder): void {
  renameSync(path.join(folder, controlFileAside), path.join(folder, controlFile));
}

/** The name under which a file of a base backup is made; undefined for what is not to be taken over. */
export function unpackedName(name: string): string | undefined {
  if (name === 'global/pg_control') return controlFileAside;
  // Places of tablespaces are linked to where they are put here.
  if (name === 'tablespace_map') return undefined;
  return notTaken.has(name) || isOfHold(name) ? undefined : name;
}

/** What would make a copy of a standby one again, or is of a restore of old. */
const notTaken: ReadonlySet<string> = new Set(['standby.signal', 'recovery.signal', 'postmaster.pid', incompleteMark]);
