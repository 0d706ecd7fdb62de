import { type CliEnd, runCli } from '../../e2e/run-cli.ts';
import type { Chapter, Shown } from './chapter.ts';

export const commandLine: Chapter = {
  name: 'an operator looks around on the command line, and mistypes',
  live: async ({ configFile, environment }) => {
    const shown: Shown[] = [];
    for (const args of [
      ['doctor'],
      ['list'],
      ['show', 'latest', '--target', 'orders', '--tables'],
      ['validate', 'latest', '--target', 'stock'],
      ['catalog', 'rebuild'],
      ['probe', 'books'],
      ['status'],
      ['cleanup', '--dry-run'],
      ['health'],
      ['list', '--json'],
      ['restore', 'nonsense'],
      ['backup', 'nobody'],
    ]) {
      const end: CliEnd = await runCli([...args, '--config', configFile], { environment });
      shown.push({ where: `holdfast ${args.join(' ')}`, text: end.stdout + end.stderr });
    }
    return shown;
  },
};
