import { chownSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { HoldfastError } from '../../../core/errors.ts';
import { hasCode } from '../../../core/has-code.ts';
import { processIdentity } from '../../../servers/process-identity.ts';
import type { ServerAccount } from '../../../servers/server-account.ts';

/** Names the restore that fills the folder in which it stands. */
export const holdName = 'HOLDFAST_RESTORE_HOLDS_THIS';
const clockName = `${holdName}.clock`;

/** Is it a file by which restores agree on whose the folder is? */
export const isOfHold = (name: string): boolean => name === holdName || name.startsWith(`${holdName}.`);

/** A folder that no other restore may fill meanwhile. */
export type FolderHold = {
  /** Is the folder still this process's? One that slept for minutes may find that another restore has taken it over. */
  isHeld(): boolean;
  release(): void;
};

const holderSchema = z.object({ pid: z.number(), process: z.string(), host: z.string(), kernel: z.string() });
type Holder = z.infer<typeof holderSchema>;

/** What runs elsewhere is asked for a sign of life this often, and given up after this long, by the clock of the folder's file system. */
const signMs = 20_000;
const givenUpAfterMs = 120_000;

/**
 * Takes a folder for this process, until it is released or the process is gone. Throws `lease-held`, with who it is, while a restore has it: of
 * the same machine it is known whether that lives, of another that shares the folder, whether it gave a sign of life in the last two minutes.
 *
 * Invariant: of those that take it at once at most one gets it, for the file is made by one. What a dead one left is moved aside first; whoever finds
 * that it was a living one's by then puts it back, and has nothing. A crash leaves the file, and the next restore takes it over.
 */
export function holdFolder(folder: string, account: ServerAccount | undefined): FolderHold {
  const file = path.join(folder, holdName);
  const own = JSON.stringify(thisProcess());
  if (!isMade(file, own)) {
    const found = textOf(file);
    if (found !== undefined) {
      requireGone(folder, found);
      moveAside(folder, found);
    }
    if (!isMade(file, own)) throw held(folder, textOf(file) ?? '');
  }
  if (account) chownSync(file, account.uid, account.gid);
  const signs = setInterval(() => {
    if (textOf(file) === own) writeFileSync(file, own);
  }, signMs);
  signs.unref();
  return {
    isHeld: () => textOf(file) === own,
    release() {
      clearInterval(signs);
      if (textOf(file) === own) rmSync(file, { force: true });
    },
  };
}

function requireGone(folder: string, found: string): void {
  const holder = holderIn(found);
  const isGone =
    holder?.kernel === thisKernel() ? processIdentity(holder.pid) !== holder.process : ageMs(folder) > givenUpAfterMs;
  if (!isGone) throw held(folder, found);
}

function moveAside(folder: string, dead: string): void {
  const file = path.join(folder, holdName);
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  const moved = textOf(aside) ?? '';
  rmSync(aside, { force: true });
  if (moved === dead) return;
  isMade(file, moved);
  throw held(folder, moved);
}

function held(folder: string, found: string): HoldfastError {
  const holder = holderIn(found);
  const who = holder === undefined ? '' : `: process ${holder.pid} on '${holder.host}'`;
  return new HoldfastError('lease-held', `another restore is filling '${folder}'${who}`, {
    hint: 'restore into another folder with --as, or wait for that one to end; what is killed on another machine is given up after two minutes',
  });
}

const thisProcess = (): Holder => ({
  pid: process.pid,
  process: processIdentity(process.pid) ?? String(process.pid),
  host: hostname(),
  kernel: thisKernel(),
});

/** Whose processes have the same numbers: those of one start of one machine, and there of one container. */
function thisKernel(): string {
  if (process.platform !== 'linux') return hostname();
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
}

function ageMs(folder: string): number {
  const clock = path.join(folder, clockName);
  writeFileSync(clock, '');
  const now = statSync(clock).mtimeMs;
  rmSync(clock, { force: true });
  return now - (statSync(path.join(folder, holdName), { throwIfNoEntry: false })?.mtimeMs ?? 0);
}

function holderIn(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    // It is being written, or a crash of its machine has left it empty: its age decides.
    return undefined;
  }
}

function isMade(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
