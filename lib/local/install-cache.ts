import { mkdirSync, readdirSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { mkdir, open, readFile, unlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cacheFolder } from '../config/cache-folder.ts';

/**
 * Publishes a folder under the name by a symbolic link, replaced in one step. A run that finds the name finds a whole installation;
 * one that ends before leaves a folder that no name points to, and `buildFolder` clears it away.
 */
export function publish(name: string, folder: string): void {
  const link = path.join(cacheFolder(), name);
  const next = `${link}.${process.pid}.link`;
  rmSync(next, { force: true });
  symlinkSync(path.basename(folder), next);
  renameSync(next, link);
}

/**
 * A new folder in the cache for an installation in the making, at the path where it stays: programs may hold their own path. Removes
 * what dead processes left of the same name.
 */
export function buildFolder(name: string): string {
  const cache = cacheFolder();
  mkdirSync(cache, { recursive: true, mode: 0o755 });
  const published = resolved(path.join(cache, name));
  for (const entry of readdirSync(cache)) {
    const holder = entry.startsWith(`${name}.`) && /^(\d+)[-.]/.exec(entry.slice(name.length + 1))?.[1];
    const leftover = path.join(cache, entry);
    if (holder && !isAlive(Number(holder)) && leftover !== published)
      rmSync(leftover, { recursive: true, force: true });
  }
  const folder = path.join(cache, `${name}.${process.pid}-${Date.now().toString(36)}`);
  mkdirSync(folder, { mode: 0o755 });
  return folder;
}

/**
 * Runs `work` while no other process of this machine holds the lock of that name. A lock whose holder is gone is taken over. The lock
 * saves time only: two installations at once would both be whole, and the later `publish` wins.
 */
export async function withLock<T>(name: string, work: () => Promise<T>, waiting: () => void = () => {}): Promise<T> {
  await mkdir(cacheFolder(), { recursive: true, mode: 0o755 });
  const lock = path.join(cacheFolder(), `${name}.lock`);
  let told = false;
  while (!(await take(lock))) {
    const holder = Number(await readFile(lock, 'utf8').catch(() => '0'));
    if (holder > 0 && !isAlive(holder)) {
      await unlink(lock).catch(() => {});
      continue;
    }
    if (!told) waiting();
    told = true;
    await delay(100);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

function resolved(link: string): string | undefined {
  try {
    return realpathSync(link);
  } catch {
    return undefined;
  }
}

/** Whether a process of this id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
