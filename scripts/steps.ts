import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { expectedFiles } from './no-skips-reporter.ts';
import { root } from './source-files.ts';
import { quickTestFiles } from './test-files.ts';
import { groupTestFiles, writeGroupPrograms } from './test-groups.ts';

/** A named program of the project's gate. Paths are relative to the project's folder. */
export type Step = { readonly name: string; readonly program: string; readonly args: readonly string[] };

/** The checks that run no test: format and lint, types, and the direction of imports. */
export const staticSteps: readonly Step[] = [
  { name: 'lint', program: 'node_modules/.bin/biome', args: ['check', '--error-on-warnings', '.'] },
  { name: 'types', program: 'node_modules/.bin/tsc', args: ['--noEmit'] },
  { name: 'imports', program: process.execPath, args: ['scripts/check-imports.ts'] },
];

/** Runs the steps side by side, says how each ended, shows the output of those that failed, and resolves with whether none did. */
export async function runSteps(steps: readonly Step[]): Promise<boolean> {
  const results = await Promise.all(
    steps.map(async (step) => {
      const began = performance.now();
      const { output, code } = await runQuietly(step);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.log(`${code === 0 ? '✔' : '✖'} ${step.name} (${seconds} s)`);
      return { step, output, code };
    }),
  );
  for (const { step, output, code } of results) if (code !== 0) console.log(`\n${step.name}:\n${output.trimEnd()}\n`);
  return results.every(({ code }) => code === 0);
}

async function runQuietly(step: Step): Promise<{ readonly output: string; readonly code: number }> {
  const child = spawn(resolveProgram(step.program), step.args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = await once(child, 'close');
  return { output: Buffer.concat(chunks).toString(), code: code ?? 1 };
}

/** Runs the test files under Node's own runner, whose summary is the last output; resolves with its exit code. Quick files share processes. */
export async function runTests(files: readonly string[]): Promise<number> {
  const quick = quickTestFiles();
  const { groups, alone } = groupTestFiles(quick.filter((file) => files.includes(file)));
  const rest = files.filter((file) => !quick.includes(file));
  const reporters = [
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...['--test-reporter=./scripts/no-skips-reporter.ts', '--test-reporter-destination=stderr'],
  ];
  // Most tests wait for a server, and some for time to pass: one file more than there are cores keeps those busy.
  const concurrency = `--test-concurrency=${availableParallelism() + 1}`;
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-test-groups-'));
  const programs = [...writeGroupPrograms(groups, folder), ...alone, ...rest];
  const child = spawn(process.execPath, ['--test', '--test-timeout=600000', concurrency, ...reporters, ...programs], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, [expectedFiles]: groups.flat().join('\n') },
  });
  // It gets Ctrl-C by itself; this process stays to tell its exit code.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code] = await once(child, 'close');
  rmSync(folder, { recursive: true });
  return code ?? 1;
}

function resolveProgram(program: string): string {
  return path.isAbsolute(program) ? program : path.join(root, program);
}
