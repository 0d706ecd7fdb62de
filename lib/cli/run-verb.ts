import { existsSync } from 'node:fs';
import { defaultConfigFile, demoConfigFile } from '../config/files.ts';
import { asHoldfastError, HoldfastError } from '../core/errors.ts';
import type { CliContext } from './context.ts';
import { Output } from './output.ts';
import type { VerbDefinition } from './verb-definition.ts';

export type CommonOptions = { readonly config: string; readonly json?: boolean };

/** Runs a verb to its exit code. Failures are printed once, with their hint, in the form that was asked for. */
export async function runVerb(verb: VerbDefinition, options: CommonOptions & Record<string, unknown>): Promise<number> {
  const output = new Output({ json: options.json === true });
  const interrupted = new AbortController();
  const onSignal = (): void => {
    if (interrupted.signal.aborted) process.exit(143);
    interrupted.abort(new HoldfastError('stopped', 'stopped from the keyboard or by a signal'));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const { failureExit } = verb;
  const onCrash = (error: unknown): void => {
    output.failure(asHoldfastError(error));
    process.exit(failureExit);
  };
  if (failureExit !== undefined) process.on('uncaughtException', onCrash);
  try {
    const { run } = await verb.load();
    const configFile = chooseConfigFile(verb, options.config);
    const context: CliContext = {
      configFile,
      config: async () => (await import('../config/load.ts')).loadConfig(configFile, process.env),
      output,
      signal: interrupted.signal,
    };
    const isDemo = verb.asksTargets === true && configFile === demoConfigFile;
    if (!isDemo) return await run(context, options as never);
    const { withDemoServer } = await import('./demo-server.ts');
    return await withDemoServer(output, () => run(context, options as never));
  } catch (error) {
    const failure = failureIn(error, interrupted.signal);
    output.failure(failure);
    return failureExit ?? failure.exitCode;
  } finally {
    output.end();
    process.off('uncaughtException', onCrash);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** After Ctrl-C everything fails in its own way, and what counts is that it was stopped, unless that is what it says itself. */
function failureIn(error: unknown, { aborted, reason }: AbortSignal): HoldfastError {
  const isOwnWord = error instanceof HoldfastError && error.code === 'stopped';
  return asHoldfastError(aborted && !isOwnWord ? reason : error);
}

/** Who has no configuration yet, and has run the demo, means the demo; `up` starts it. */
function chooseConfigFile({ usage }: VerbDefinition, named: string): string {
  const isDemo = usage !== 'up' && named === defaultConfigFile && !existsSync(named) && existsSync(demoConfigFile);
  return isDemo ? demoConfigFile : named;
}
