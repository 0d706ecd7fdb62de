import { chownSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import { HoldfastError } from '../../../core/errors.ts';
import { claimFile } from '../../../servers/claim-file.ts';
import { processIdentity } from '../../../servers/process-identity.ts';
import type { ServerAccount } from '../../../servers/server-account.ts';

/** Names the restore that fills the folder in which it stands. */
export const holdName = 'HOLDFAST_RESTORE_HOLDS_THIS';

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
 * Invariant: the file is a claim, so that of those that take it at once one gets it. A crash leaves the file, and the next restore takes it over.
 */
export function holdFolder(folder: string, account: ServerAccount | undefined): FolderHold {
  const file = path.join(folder, holdName);
  const claimed = claimFile(file, { text: JSON.stringify(thisProcess()), isGone });
  if (!('claim' in claimed)) throw held(folder, claimed.holder);
  const { claim } = claimed;
  try {
    if (account) chownSync(file, account.uid, account.gid);
  } catch (error) {
    claim.release();
    throw error;
  }
  const signs = setInterval(() => {
    try {
      claim.renew();
    } catch {
      // A disk that is full for a moment ends no restore: the next sign may come through, and what is handed over is looked at before.
    }
  }, signMs);
  signs.unref();
  return {
    isHeld: () => claim.isHeld(),
    release() {
      clearInterval(signs);
      claim.release();
    },
  };
}

function isGone(file: string, text: string): boolean {
  const holder = holderIn(text);
  return holder?.kernel === thisKernel()
    ? processIdentity(holder.pid) !== holder.process
    : ageMs(file) > givenUpAfterMs;
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

function ageMs(file: string): number {
  const clock = `${file}.clock-${process.pid}`;
  writeFileSync(clock, '');
  const now = statSync(clock).mtimeMs;
  rmSync(clock, { force: true });
  return now - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
}

function holderIn(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    // A crash of its machine has left it empty: its age decides.
    return undefined;
  }
}
