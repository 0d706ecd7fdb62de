import Table from 'cli-table3';
import type { RunResult } from './one-run.ts';

/** The campaign by kinds of faults: how often each happened, and what became of the runs. */
export function tableOf(results: readonly RunResult[]): string {
  const table = new Table({
    head: [
      'fault',
      'runs',
      'happened',
      'completed',
      'of these at another attempt',
      'failed with a reason',
      'rules broken',
    ],
    style: { head: [], border: [] },
  });
  const kinds = [...new Set(results.map(({ kind }) => kind))].sort();
  for (const kind of kinds)
    table.push(
      row(
        kind,
        results.filter((result) => result.kind === kind),
      ),
    );
  table.push(row('in all', results));
  return table.toString();
}

function row(name: string, results: readonly RunResult[]): (string | number)[] {
  const completed = results.filter(({ outcome }) => outcome.split(' + ').includes('completed'));
  return [
    name,
    results.length,
    results.filter(({ isInjected }) => isInjected).length,
    completed.length,
    completed.filter(({ attempts }) => attempts > 1).length,
    reasonsOf(results),
    results.filter(({ problems }) => problems.length > 0).length,
  ];
}

function reasonsOf(results: readonly RunResult[]): string {
  const counts = new Map<string, number>();
  for (const { outcome } of results)
    for (const reason of outcome.split(' + '))
      if (reason !== 'completed') counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => `${count} ${reason}`).join('\n');
}

/** What a maintainer has to know of a run that broke a rule. */
export function complaintOf({ run, kind, note, problems, log }: RunResult, seed: number): string {
  return [
    `✖ run ${run} (${kind}; ${note})`,
    ...problems.map((problem) => `    ${problem}`),
    ...log.split('\n').map((line) => `    | ${line}`),
    `  again: npm run faults -- --seed ${seed} ${run < 0 ? `--runs 0 --stack ${-run}` : `--run ${run}`}`,
  ].join('\n');
}

/** Completed backups that cannot be read, and damage that nobody noticed: what must never be. */
export const silentSuccesses = (results: readonly RunResult[]): number =>
  results.filter(({ problems }) => problems.some((problem) => /^SILENT|^silent/.test(problem))).length;
