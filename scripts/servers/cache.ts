import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { mkdir, open, readFile, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const clone = path.resolve(import.meta.dirname, '../..');

/**
 * Where installed servers are kept, shared by all clones of a user. Root's is /var/cache/holdfast, because servers run as an
 * unprivileged account that cannot look below /root.
 */
export function cacheFolder(): string {
  if (process.env['HOLDFAST_CACHE']) return process.env['HOLDFAST_CACHE'];
  if (process.env['XDG_CACHE_HOME']) return path.join(process.env['XDG_CACHE_HOME'], 'holdfast');
  if (process.getuid?.() === 0) return '/var/cache/holdfast';
  return path.join(homedir(), '.cache', 'holdfast');
}

/** The folders in which a cached thing is looked for: the clone's own `.cache`, then the user's. */
export function cacheFolders(): readonly string[] {
  return [path.join(clone, '.cache'), cacheFolder()];
}

/** A command that shows how to solve a missing server, and the end of the run: nothing is skipped. */
export class ServerMissing extends Error {
  constructor(what: string, cures: readonly string[], options?: { readonly cause?: unknown }) {
    super(`${what}\n${cures.map((cure) => `  - ${cure}`).join('\n')}`, options);
    this.name = 'ServerMissing';
  }
}

/**
 * Publishes a folder under the name by a symbolic link, replaced in one step. A run that finds the name finds a whole installation;
 * one that ends before leaves a folder that no name points to.
 */
export function publish(name: string, folder: string): string {
  const link = path.join(cacheFolder(), name);
  const next = `${link}.${process.pid}.link`;
  rmSync(next, { force: true });
  symlinkSync(path.basename(folder), next);
  renameSync(next, link);
  return link;
}

/** A new folder in the cache for an installation in the making, with a name of its own. */
export function buildFolder(name: string): string {
  const folder = path.join(cacheFolder(), `${name}.${process.pid}-${Date.now().toString(36)}`);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return folder;
}

/**
 * Runs `work` while no other process of this machine holds the lock of that name. A lock whose holder is gone is taken over. Installing
 * twice would be harmless (see `publish`) but slow.
 */
export async function withLock<T>(name: string, work: () => Promise<T>, waiting: () => void): Promise<T> {
  await mkdir(cacheFolder(), { recursive: true, mode: 0o755 });
  const lock = path.join(cacheFolder(), `${name}.lock`);
  let told = false;
  for (;;) {
    try {
      const file = await open(lock, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(lock, 'utf8').catch(() => '0'));
    if (holder > 0 && !isAlive(holder)) {
      await unlink(lock).catch(() => {});
      continue;
    }
    if (!told) waiting();
    told = true;
    await delay(250);
  }
  try {
    return await work();
  } finally {
    try {
      unlinkSync(lock);
    } catch {
      // Another process judged this one dead and took the lock over: its own unlink is the one that counts.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
