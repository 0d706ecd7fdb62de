import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { beginShared } from './begin-shared.ts';
import type { RunResult } from './one-run.ts';
import type { Answer, Order } from './worker.ts';

export type CampaignOptions = {
  readonly seed: number;
  /** The numbers of the runs to play. */
  readonly runs: readonly number[];
  /** Kinds of faults. @default - all of them */
  readonly only?: readonly string[];
  /** Runs side by side. @default - three for each processor: most of a run is waiting */
  readonly workers?: number;
  readonly onResult?: (result: RunResult) => void;
};

/** Plays runs with faults on servers of its own, and gives what became of each, in the order of their numbers. */
export async function runCampaign(options: CampaignOptions): Promise<readonly RunResult[]> {
  const { runs, workers = availableParallelism() * 3 } = options;
  await using shared = await beginShared();
  const waiting = [...runs];
  const results: RunResult[] = [];
  const work = async (): Promise<void> => {
    const child = fork(join(import.meta.dirname, 'worker.ts'), [shared.file], {
      // Steps print metrics, as Lambdas do.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const gone = once(child, 'exit').then(([code]) => {
      throw new Error(`a worker ended with ${code}`);
    });
    gone.catch(() => {});
    const answer = async (): Promise<Answer> => {
      const [message] = (await Promise.race([once(child, 'message'), gone])) as [Answer];
      return message;
    };
    try {
      await answer();
      for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
        child.send({ seed: options.seed, run, only: options.only ?? [] } satisfies Order);
        const done = await answer();
        if (done.kind !== 'done') throw new Error('a worker began anew');
        results.push(done.result);
        options.onResult?.(done.result);
      }
    } finally {
      if (child.connected) child.disconnect();
      await gone.catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, runs.length) }, work));
  return results.sort((a, b) => a.run - b.run);
}
