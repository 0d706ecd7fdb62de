import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { ownerOf } from './folder-owner.ts';

const runningStackSchema = z.object({
  pid: z.number().int(),
  startedAt: z.iso.datetime(),
  region: z.string(),
  /** Where the AWS SDKs find the local services. */
  endpointUrl: z.string(),
  /** The status page, and executions with their events as they happen. */
  statusUrl: z.string(),
  /** The operator's, valid for this start only. */
  credentials: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }),
  /** ARNs of the state machines, by name. */
  machines: z.record(z.string(), z.string()),
  /** ARNs of the functions, by name. */
  functions: z.record(z.string(), z.string()),
});
export type RunningStack = z.infer<typeof runningStackSchema>;

const fileIn = (stateDirectory: string): string => join(stateDirectory, 'stack.json');

/** The stack that another process (or this one) runs on the state folder. What a dead process left behind is no stack. */
export function findRunningStack(stateDirectory: string): RunningStack | undefined {
  const owner = ownerOf(stateDirectory);
  if (owner === undefined) return undefined;
  try {
    const found = runningStackSchema.parse(JSON.parse(readFileSync(fileIn(stateDirectory), 'utf8')));
    return found.pid === owner ? found : undefined;
  } catch {
    // Not there yet: the stack is still starting.
    return undefined;
  }
}

/** Lets others find this stack. The file is whole or absent, and only its owner can read it. */
export function announceStack(stateDirectory: string, stack: RunningStack): void {
  const file = fileIn(stateDirectory);
  const making = `${file}.${process.pid}`;
  writeFileSync(making, JSON.stringify(stack, null, 2), { mode: 0o600 });
  renameSync(making, file);
}

/** Takes the announcement back. */
export function withdrawStack(stateDirectory: string): void {
  rmSync(fileIn(stateDirectory), { force: true });
}
