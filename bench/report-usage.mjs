// node --import report-usage.mjs PROGRAM: writes at the end what the process itself took, into the file HOLDFAST_BENCH_USAGE. In JavaScript, since
// each thread of the program loads it, and types would have to be stripped by each.
import { writeFileSync } from 'node:fs';

const file = process.env.HOLDFAST_BENCH_USAGE;
if (file === undefined) throw new Error('HOLDFAST_BENCH_USAGE is not set');
process.once('exit', () => {
  const { maxRSS } = process.resourceUsage();
  writeFileSync(file, JSON.stringify({ rssMiB: maxRSS / 1024 }));
});
