import { type ErrorCode, errorTable, HoldfastError } from '../../core/errors.ts';
import { explainPipeline } from '../../pipeline/explain.ts';
import { defaultPipelineSettings } from '../../pipeline/settings.ts';
import { configuredPipeline } from '../../runner/settings.ts';
import type { CliContext } from '../context.ts';
import { table } from '../output.ts';

type Options = { readonly topic?: string };
const topics = ['pipeline', 'errors'];

export async function run(context: CliContext, { topic }: Options): Promise<number> {
  switch (topic) {
    case 'pipeline':
      return pipeline(context);
    case 'errors':
      return errors(context);
    default:
      throw new HoldfastError(
        'usage',
        `${topic === undefined ? 'explain what?' : `'${topic}' is no topic;`} there are ${topics.map((name) => `'${name}'`).join(' and ')}`,
      );
  }
}

async function pipeline({ config, output }: CliContext): Promise<number> {
  // Without a configuration the defaults are explained: the formula is of interest before one exists.
  const configured = await config().catch((error: unknown) => {
    if (error instanceof HoldfastError && error.code === 'config-missing') return undefined;
    throw error;
  });
  const explained = configured
    ? explainPipeline(configuredPipeline(configured), configured.run.parallelJobs)
    : explainPipeline(defaultPipelineSettings);
  output.result(explained, () => [...explained.lines]);
  return 0;
}

function errors({ output }: CliContext): number {
  const codes = Object.keys(errorTable) as ErrorCode[];
  output.result(errorTable, () =>
    table(
      ['CODE', 'EXIT', 'HTTP', 'TRY AGAIN', 'HINT'],
      codes.map((code) => [
        code,
        String(errorTable[code].exit),
        String(errorTable[code].http),
        errorTable[code].retryable ? 'yes' : 'no',
        errorTable[code].hint,
      ]),
    ),
  );
  return 0;
}
