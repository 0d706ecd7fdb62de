import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { asAccount, type ServerAccount } from '../servers/server-account.ts';

const rootsPlace = '/var/lib/holdfast';

/**
 * The folder below which a server's data can be: the given one, or, when a folder above it is closed to the server's account, one of
 * its own below /var/lib/holdfast that the file `elsewhere` in the given one names.
 *
 * Invariant: data belong to the given folder; when that is removed, so are they, at the next call for any folder. The file is
 * written before anything is put where it points: a crash in between leaves an empty folder.
 */
export function dataLocation(folder: string, account: ServerAccount | undefined, place = rootsPlace): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (account === undefined) return folder;
  // Others may pass through, not look around.
  chmodSync(folder, 0o711);
  if (canEnter(folder, account)) return folder;
  removeOrphans(place);
  const pointer = path.join(folder, 'elsewhere');
  if (!existsSync(pointer)) writeFileSync(pointer, path.join(place, randomBytes(8).toString('hex')));
  const elsewhere = readFileSync(pointer, 'utf8');
  mkdirSync(elsewhere, { recursive: true, mode: 0o711 });
  writeFileSync(path.join(elsewhere, 'belongs-to'), pointer);
  return elsewhere;
}

/** Removes the folder with the data that belong to it, wherever they are. Nothing may run on them. */
export function removeData(folder: string): void {
  const pointer = path.join(folder, 'elsewhere');
  // The data first: what a crash leaves can still be found from the pointer.
  if (existsSync(pointer)) rmSync(readFileSync(pointer, 'utf8'), { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}

function canEnter(folder: string, account: ServerAccount): boolean {
  const run = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
    ...asAccount(account),
    cwd: '/',
    stdio: 'ignore',
  });
  return run.status === 0;
}

function removeOrphans(place: string): void {
  if (!existsSync(place)) return;
  for (const entry of readdirSync(place)) {
    const elsewhere = path.join(place, entry);
    const note = path.join(elsewhere, 'belongs-to');
    if (!existsSync(note)) continue;
    const pointer = readFileSync(note, 'utf8');
    const isNamed = existsSync(pointer) && readFileSync(pointer, 'utf8') === elsewhere;
    if (!isNamed) rmSync(elsewhere, { recursive: true, force: true });
  }
}
