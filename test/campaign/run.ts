// npm run faults -- [--runs N] [--seed S] [--run K] [--only kind,…] [--stack ROUNDS] [--workers W]
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.ts';
import { faultKinds } from './fault-kinds.ts';
import type { RunResult } from './one-run.ts';
import { complaintOf, silentSuccesses, tableOf } from './report.ts';
import { playStackRounds } from './stack-rounds.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    seed: { type: 'string' },
    run: { type: 'string' },
    only: { type: 'string', default: '' },
    stack: { type: 'string' },
    workers: { type: 'string' },
  },
});
const only = values.only === '' ? [] : values.only.split(',');
const unknown = only.filter((name) => !faultKinds.some((kind) => kind.name === name));
if (unknown.length > 0) {
  const known = faultKinds.map(({ name }) => name).join(', ');
  console.error(`no such kind of fault: '${unknown.join("', '")}'; there are: ${known}`);
  process.exit(2);
}
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const runs =
  values.run === undefined ? Array.from({ length: Number(values.runs) }, (_, run) => run) : [Number(values.run)];

// A part of the runs goes through the whole local stack, where a second attempt waits half a minute.
const rounds = Number(
  values.stack ?? (values.run === undefined && only.length === 0 ? Math.ceil(runs.length / 250) : 0),
);

console.log(
  `seed ${seed}, ${runs.length} runs and ${rounds} rounds of five on the local stack; load ${loadavg()[0]?.toFixed(1)}`,
);
let done = 0;
const beganAt = performance.now();
const perSecond = (): string => (done / ((performance.now() - beganAt) / 1000)).toFixed(1);
const told = (result: RunResult): void => {
  done += 1;
  if (result.problems.length > 0) console.log(complaintOf(result, seed));
  else if (values.run !== undefined)
    console.log(`✔ run ${result.run} (${result.kind}; ${result.note}): ${result.outcome}`);
  if (done % 50 === 0) console.log(`… ${done} of ${runs.length + rounds * 5}, ${perSecond()} a second`);
};
const workers = values.workers === undefined ? {} : { workers: Number(values.workers) };
const results = (
  await Promise.all([
    runCampaign({ seed, runs, only, ...workers, onResult: told }),
    rounds > 0 ? playStackRounds(seed, rounds, told) : [],
  ])
).flat();

console.log(tableOf(results));
const broken = results.filter(({ problems }) => problems.length > 0).length;
console.log(
  `seed ${seed}: ${results.length} runs, ${perSecond()} a second; silent successes: ${silentSuccesses(results)}; runs that broke a rule: ${broken}`,
);
process.exitCode = broken === 0 ? 0 : 1;
