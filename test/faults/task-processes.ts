import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { OpenStack, StackFolder } from '../e2e/stack-fixture.ts';
import { randomOf } from './random.ts';

/** The process ids of the task programs that a stack's process runs now. */
export function taskProcesses(stackPid: number = process.pid): readonly number[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter(
      (fields) =>
        fields !== null && Number(fields[2]) === stackPid && /main\.mjs (backup|restore)/.test(fields[3] ?? ''),
    )
    .map((fields) => Number(fields?.[1]));
}

/** Resolves when `question` gives something, asking every few milliseconds; rejects after five minutes, naming `what`. */
export async function until<Answer>(what: string, question: () => Answer | undefined | false): Promise<Answer> {
  const giveUpAt = Date.now() + 300_000;
  for (;;) {
    const answer = question();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > giveUpAt) throw new Error(`it never came to this: ${what}`);
    await delay(5);
  }
}

/** What the task of an execution says of its progress. */
export type Progress = { readonly phase: string; readonly detail?: string; readonly bytes?: number };

/** Everything that tasks say of their progress from now on, by execution. */
export function collectProgress({ stack }: OpenStack): (arn: string) => readonly Progress[] {
  const said = new Map<string, Progress[]>();
  stack.executions.listen((news) => {
    if (news.kind !== 'progress') return;
    const { arn } = news.execution;
    said.set(arn, [...(said.get(arn) ?? []), news.progress as unknown as Progress]);
  });
  return (arn) => said.get(arn) ?? [];
}

/**
 * Holds the lock under which the target's lease is replaced, as another writer in the middle of it would: a run then gets as far as confirming
 * its lease, which is after its last data object and before its manifest, and waits there. Disposing it lets go.
 */
export function holdLeaseLock({ store }: StackFolder, target: string): Disposable {
  const name = createHash('sha256').update(`leases/${target}/logical.json`).digest('hex').slice(0, 32);
  const lock = join(store, '.store/locks', name);
  mkdirSync(lock, { recursive: true });
  writeFileSync(join(lock, 'held-by-a-test'), '');
  // A lock that was last touched long ago belongs to nobody; this one stays fresh for an hour.
  const later = new Date(Date.now() + 3_600_000);
  utimesSync(lock, later, later);
  return { [Symbol.dispose]: () => rmSync(lock, { recursive: true, force: true }) };
}

/** Numbers from 0 to 1 that follow from the seed, which is printed, so that a failure can be had again with HOLDFAST_TEST_SEED. */
export function seededRandom(): () => number {
  const seed = Number(process.env['HOLDFAST_TEST_SEED'] ?? Date.now() % 2 ** 31) | 0;
  console.log(`HOLDFAST_TEST_SEED=${seed}`);
  return randomOf(seed).next;
}
