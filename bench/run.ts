import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import type { BenchRow } from './bench-row.ts';

/** npm run bench [name…]: measures, prints a table, and writes bench/results.json. */
const benches: Readonly<Record<string, () => Promise<BenchRow[]>>> = {
  pipeline: async () => (await import('./pipeline.ts')).run(),
  backup: async () => (await import('./backup.ts')).run(),
  base: async () => (await import('./base.ts')).run(),
  'base-restore': async () => (await import('./base-restore.ts')).run(),
  incremental: async () => (await import('./incremental.ts')).run(),
  wal: async () => (await import('./wal.ts')).run(),
  'wal-restore': async () => (await import('./wal-restore.ts')).run(),
  catalog: async () => (await import('./catalog.ts')).run(),
  restore: async () => (await import('./restore.ts')).run(),
  files: async () => (await import('./files.ts')).run(),
  redis: async () => (await import('./redis.ts')).run(),
  neo4j: async () => (await import('./neo4j.ts')).run(),
  impact: async () => (await import('./impact.ts')).run(),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0) {
  console.error(`no such bench: '${unknown.join("', '")}'; there are: ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}

console.error(`load averages before: ${loads()}`);
const rows: BenchRow[] = [];
for (const [name, run] of Object.entries(benches)) {
  if (wanted.length === 0 || wanted.includes(name)) rows.push(...(await run()));
}
writeFileSync(join(import.meta.dirname, 'results.json'), `${JSON.stringify(rows, null, 2)}\n`);
console.log(tableOf(rows));
console.error(`load averages after: ${loads()}`);

function tableOf(all: readonly BenchRow[]): string {
  const table = new Table({
    head: ['bench', 'ours', 'peer', 'unit', 'ratio', 'against', 'RSS MiB', 'CPU s'],
    style: { head: [], border: [] },
  });
  for (const { name, ours, peer, unit, ratio, peerName, rssMiB, cpuSeconds } of all) {
    table.push([name, short(ours), short(peer), unit, ratio.toFixed(2), peerName, short(rssMiB), short(cpuSeconds)]);
  }
  return table.toString();
}

function short(figure: number): string {
  return figure.toFixed(figure < 100 ? 1 : 0);
}

function loads(): string {
  return loadavg()
    .map((load) => load.toFixed(1))
    .join(' ');
}
