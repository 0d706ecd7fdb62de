import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { environmentVariables, ownEnvironment } from '../config/environment.ts';
import { HoldfastError } from '../core/errors.ts';
import { hasCode } from '../core/has-code.ts';
import { asJsonObject } from './json.ts';

const projectRoot = resolve(import.meta.dirname, '../..');

/** What decides on the assembly, beside the configuration: a change of any of these synthesizes anew. */
const inputs = [
  'bin/app.ts',
  'cdk.json',
  'cdk.context.json',
  'lambdas',
  'lib',
  'package-lock.json',
  'sql/migrations',
  'tasks',
] as const;

/** Parts of `lib` that run the assembly, and do not go into it. */
const notInputs = ['lib/cli', 'lib/local'];

const keptAssemblies = 3;

export type SynthesizeOptions = {
  readonly configPath: string;
  /** A folder for assemblies, one below it for each set of inputs. */
  readonly outDir: string;
  /** Called before the app is run, when there is no assembly of these inputs yet. */
  readonly onSynthesis?: () => void;
};

/**
 * The folder of the cloud assembly of the present sources and configuration: the one that is there, or else a new one, which
 * takes some seconds. Throws the app's own error (`config-invalid` and the like), or `internal` with what it printed.
 *
 * Invariant: a folder named after its inputs is whole. It is made beside and renamed; a crash leaves a folder that the next
 * synthesis removes. Older assemblies are kept for stacks that still run on them.
 */
export async function synthesize(options: SynthesizeOptions): Promise<string> {
  const folder = join(resolve(options.outDir), hashInputs(options.configPath));
  if (isWhole(folder)) return folder;
  options.onSynthesis?.();
  mkdirSync(options.outDir, { recursive: true, mode: 0o700 });
  const making = `${folder}.${process.pid}.new`;
  rmSync(making, { recursive: true, force: true });
  await runApp(options.configPath, making);
  putInPlace(making, folder);
  prune(resolve(options.outDir));
  return folder;
}

/**
 * Renames the assembly to its own name. Of two that synthesize the same at once one comes second; the assemblies are the same, and the second
 * goes. What is in the way is moved aside before it is removed, as the other may have put the assembly in its place a moment ago.
 */
function putInPlace(making: string, folder: string): void {
  for (;;) {
    try {
      renameSync(making, folder);
      return;
    } catch (error) {
      if (!isInTheWay(error)) throw error;
    }
    if (isWhole(folder)) {
      rmSync(making, { recursive: true, force: true });
      return;
    }
    // Programs of an assembly that was removed under them keep there what Node compiles.
    const aside = `${folder}.${process.pid}.aside.new`;
    try {
      renameSync(folder, aside);
      if (isWhole(aside)) renameSync(aside, folder);
    } catch (error) {
      // The other has removed it, or put an assembly there.
      if (!hasCode(error, 'ENOENT') && !isInTheWay(error)) throw error;
    }
    rmSync(aside, { recursive: true, force: true });
  }
}

const isWhole = (folder: string): boolean => existsSync(join(folder, 'manifest.json'));
const isInTheWay = (error: unknown): boolean => hasCode(error, 'ENOTEMPTY') || hasCode(error, 'EEXIST');

async function runApp(configPath: string, outDir: string): Promise<void> {
  const child = spawn(process.execPath, [join(projectRoot, 'bin/app.ts')], {
    cwd: projectRoot,
    env: {
      ...ownEnvironment(),
      HOLDFAST_CONFIG: resolve(configPath),
      CDK_OUTDIR: outDir,
      CDK_CONTEXT_JSON: JSON.stringify(cdkContext()),
      // CloudFormation's own rules matter to those who deploy, and take half of the time; `cdk synth` and the tests check them.
      CDK_VALIDATION: 'false',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => lines.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === 0 && isWhole(outDir)) return;
  rmSync(outDir, { recursive: true, force: true });
  const output = Buffer.concat(lines).toString().trim();
  throw new HoldfastError(
    code === 10 ? 'config-invalid' : 'internal',
    `the CDK app ended with code ${code}:\n${output}`,
  );
}

/** What the CDK's command line would hand to the app. */
function cdkContext(): object {
  return Object.assign(
    {},
    ...[
      ['cdk.json', 'context'],
      ['cdk.context.json', undefined],
    ].map(([file = '', key]) => {
      const path = join(projectRoot, file);
      const content = existsSync(path) ? asJsonObject(JSON.parse(readFileSync(path, 'utf8'))) : {};
      return key === undefined ? content : asJsonObject(content[key]);
    }),
  );
}

function hashInputs(configPath: string): string {
  const hash = createHash('sha256');
  const add = (name: string, content: string | Buffer): void => {
    hash.update(`${name}\0${content.length}\0`).update(content);
  };
  add('node', process.version);
  // Relative paths in the configuration are taken from its folder, so its place counts too.
  add('path', resolve(configPath));
  if (existsSync(configPath)) add('config', readFileSync(configPath));
  const environment = ownEnvironment();
  for (const name of environmentVariables) add(name, environment[name] ?? '');
  for (const file of inputs.flatMap(filesBelow)) add(file, readFileSync(join(projectRoot, file)));
  return hash.digest('hex').slice(0, 16);
}

function filesBelow(path: string): string[] {
  const absolute = join(projectRoot, path);
  if (!existsSync(absolute) || notInputs.includes(path)) return [];
  if (!statSync(absolute).isDirectory()) return [path];
  return readdirSync(absolute)
    .sort()
    .flatMap((name) => filesBelow(`${path}/${name}`));
}

function prune(outDir: string): void {
  const folders = readdirSync(outDir).map((name) => ({ path: join(outDir, name), name }));
  const whole = folders
    .filter(({ name }) => /^[0-9a-f]{16}$/.test(name))
    .sort((a, b) => changedAt(b.path) - changedAt(a.path));
  const unfinished = folders.filter(({ name, path }) => name.endsWith('.new') && isOld(path));
  for (const { path } of [...whole.slice(keptAssemblies), ...unfinished])
    rmSync(path, { recursive: true, force: true });
}

/** Whoever makes this one, if anyone, has not touched it for an hour. */
function isOld(path: string): boolean {
  return Date.now() - changedAt(path) > 3_600_000;
}

/** Now, of one that another process has renamed or removed a moment ago. */
function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
}
