import { openDataFolder, takeBack } from '../../../../lib/engines/postgres/recover/data-folder.ts';

/** Takes the folder for a restore, says how that went, and keeps it until its input ends: `take-folder.ts <folder> stay`; or is killed: `die`. */
const [folder = '', what = ''] = process.argv.slice(2);
try {
  const data = openDataFolder(folder);
  if (what === 'die') process.kill(process.pid, 'SIGKILL');
  process.stdout.write('taken\n');
  process.stdin.on('end', () => takeBack(data)).resume();
} catch (error) {
  process.stdout.write(`${(error as { code?: string }).code}\n`);
}
