import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { HoldfastConfig } from '../../config/config.ts';
import { defaultConfigFile } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { HoldfastError } from '../../core/errors.ts';
import { type Demo, openDemo } from '../../local/demo/demo.ts';
import { demoMajor } from '../../local/demo/demo-postgres.ts';
import { findRunningStack } from '../../local/running-stack.ts';
import type { CliContext } from '../context.ts';
import { runDemoJob } from '../demo-job.ts';
import { runBackupJob } from '../jobs.ts';
import { localMachines } from '../local.ts';
import { ensureClientTools, openStack } from '../open-stack.ts';
import { stateDirectoryOf } from '../state-directory.ts';

type Options = { readonly once?: boolean; readonly port?: string; readonly job?: boolean };

/**
 * Runs the whole system on this machine. Without a configuration of the user's own it brings a demo along, backs it up and restores it;
 * otherwise it serves, and takes a backup of every target only with --once.
 */
export async function run(context: CliContext, { once: isOnce = false, port, job = true }: Options): Promise<number> {
  const hasOwn = context.configFile !== defaultConfigFile || existsSync(defaultConfigFile);
  const demo = hasOwn ? undefined : await startDemo(context);
  try {
    const configFile = demo?.configFile ?? context.configFile;
    const config = loadConfig(configFile, process.env);
    const inner: CliContext = { ...context, configFile, config: async () => config };
    const stack = await openStack({
      configFile,
      config,
      output: context.output,
      serve: true,
      ...(port === undefined ? {} : { port: parsePort(port) }),
    });
    try {
      context.output.line(
        `serving at ${stack.statusUrl} (page, /health, /metrics, and /api with the token of 'holdfast api token')`,
      );
      if (job && (demo || isOnce)) await runJob(inner, config, demo);
      if (!isOnce) {
        context.output.line('Ctrl-C ends it.');
        if (!context.signal.aborted) await once(context.signal, 'abort');
      }
      return 0;
    } finally {
      context.output.progress({ phase: 'stopping' });
      await stack.close();
    }
  } finally {
    await demo?.close();
  }
}

async function startDemo({ output }: CliContext) {
  const [demo] = await Promise.all([
    openDemo((line) => output.progress({ phase: line })),
    ensureClientTools(demoMajor, output),
  ]);
  return demo;
}

async function runJob(context: CliContext, config: HoldfastConfig, demo: Demo | undefined): Promise<void> {
  const stack = findRunningStack(stateDirectoryOf(context.configFile));
  if (stack === undefined) throw new HoldfastError('internal', 'the stack that was just opened cannot be found');
  const machines = localMachines(context, config, stack);
  if (demo !== undefined) {
    await runDemoJob(context, machines, demo);
    return;
  }
  for (const { name } of config.targets) {
    context.output.line(`Backing up '${name}'`);
    await runBackupJob(context, machines, { target: name, requestedBy: { kind: 'user' } });
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new HoldfastError('usage', `--port: '${text}' is not a port`);
}
