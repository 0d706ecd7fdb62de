import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';

const [, , command] = process.argv;
const run = JSON.parse(process.env.TOY_RUN);
console.log(JSON.stringify({ type: 'progress', phase: 'working', bytes: 42 }));
console.log(`working on ${run.id} in ${process.cwd()}`);
process.on('SIGTERM', () => {
  if (process.env.TOY_LOG) writeFileSync(process.env.TOY_LOG, 'asked to stop');
  process.exit(143);
});
if (command === 'fail') process.exit(23);
if (command === 'fail-once' && !existsSync(process.env.TOY_MARK)) {
  writeFileSync(process.env.TOY_MARK, '');
  process.exit(23);
}
if (command === 'hang') {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  // The group is asked to stop, and with its child gone the process would end as if all were done, when it hears of that first.
  setInterval(() => {}, 60_000);
  if (process.env.TOY_PIDS) writeFileSync(process.env.TOY_PIDS, `${process.pid} ${child.pid}`);
  console.log(JSON.stringify({ type: 'progress', phase: 'hanging' }));
}
