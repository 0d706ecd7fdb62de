import { type ErrorCode, errorTable } from '../../core/error-table.ts';
import { HoldfastError } from '../../core/errors.ts';
import { figures, metricNamespace, metrics } from '../../core/metrics.ts';
import { problemKindNames, problemKinds, runbookOf } from '../../core/problem-kinds.ts';
import { prometheusRules } from '../../core/prometheus-rules.ts';
import { alertRulesFile } from '../../observe/alert-rules.ts';
import { explainPipeline } from '../../pipeline/explain.ts';
import { defaultPipelineSettings } from '../../pipeline/settings.ts';
import { configuredPipeline } from '../../runner/settings.ts';
import type { CliContext } from '../context.ts';
import { table } from '../output.ts';

type Options = { readonly topic?: string };
const topics = ['pipeline', 'errors', 'metrics', 'problems', 'alert-rules'];

export async function run(context: CliContext, { topic }: Options): Promise<number> {
  switch (topic) {
    case 'pipeline':
      return pipeline(context);
    case 'errors':
      return errors(context);
    case 'metrics':
      return explainMetrics(context);
    case 'problems':
      return explainProblems(context);
    case 'alert-rules':
      context.output.result(prometheusRules, () => [alertRulesFile().trimEnd()]);
      return 0;
    default:
      throw new HoldfastError(
        'usage',
        `${topic === undefined ? 'explain what?' : `'${topic}' is no topic;`} there are ${topics.map((name) => `'${name}'`).join(', ')}`,
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

function explainMetrics({ output }: CliContext): number {
  output.result({ figures, metrics }, () => [
    'Figures at /metrics, for Prometheus:',
    ...table(
      ['NAME', 'LABELS', 'IN CLOUDWATCH', ''],
      Object.values(figures).map((figure) => [
        figure.name,
        figure.labels.join(', '),
        'cloudWatch' in figure ? figure.cloudWatch : '',
        figure.help,
      ]),
    ),
    '',
    `Metrics in CloudWatch, namespace ${metricNamespace}:`,
    ...table(
      ['NAME', 'DIMENSIONS', 'UNIT', ''],
      Object.entries(metrics).map(([name, { dimensions, unit, description }]) => [
        name,
        dimensions.join(', '),
        unit,
        description,
      ]),
    ),
  ]);
  return 0;
}

function explainProblems({ output }: CliContext): number {
  output.result(problemKinds, () =>
    table(
      ['PROBLEM', 'SEVERITY', 'IT MEANS', 'FIRST', 'RUNBOOK'],
      problemKindNames.map((kind) => [
        kind,
        problemKinds[kind].severity,
        problemKinds[kind].impact,
        problemKinds[kind].first,
        runbookOf(kind),
      ]),
    ),
  );
  return 0;
}
