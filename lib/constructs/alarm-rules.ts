import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, type IMetric, MathExpression, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { MetricName } from '../core/metrics.ts';
import type { ProblemKindName } from '../core/problem-kinds.ts';
import { holdfastMetric } from './holdfast-metric.ts';

/** One alarm, as far as it is worth saying. */
export type AlarmRule = {
  readonly kind: ProblemKindName;
  /** What it is about; with the kind it makes the alarm's name. @default - the kind says it all */
  readonly subject?: string;
  /** Put into the first command. @default - `<target>` stays as it is */
  readonly target?: string;
  /** What happened: one sentence, with its stop. */
  readonly happened: string;
  readonly metric: IMetric;
  readonly comparison: ComparisonOperator;
  readonly threshold: number;
  readonly periods: number;
  /** Is it alarming that there is nothing to see? */
  readonly missing: TreatMissingData;
  /** It is about telling itself, and has to pass by the function that tells. @default false */
  readonly isLastResort?: boolean;
};

type About = Omit<AlarmRule, 'metric' | 'comparison' | 'threshold' | 'periods' | 'missing'>;

/** CloudWatch looks back a week at most, at periods of an hour or more; a day at shorter ones. */
export const longestWindowHours = 168;
const longestWindowOfShortPeriodsHours = 24;

/** Alarms when something that must happen within `hours` has not. */
export function absence(
  about: About,
  {
    metric,
    hours,
    dimensions = {},
  }: { readonly metric: MetricName; readonly hours: number; readonly dimensions?: Readonly<Record<string, string>> },
): AlarmRule {
  const isShort = hours <= longestWindowOfShortPeriodsHours;
  const period = isShort ? Duration.minutes(15) : Duration.hours(1);
  return {
    ...about,
    metric: filled(holdfastMetric(metric, dimensions, { period })),
    comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
    threshold: 1,
    periods: isShort ? Math.ceil(hours * 4) : Math.ceil(hours),
    missing: TreatMissingData.BREACHING,
  };
}

/** Alarms when something that must not happen has. */
export function occurrence(about: About, metric: IMetric): AlarmRule {
  return {
    ...about,
    metric,
    comparison: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    threshold: 1,
    periods: 1,
    missing: TreatMissingData.NOT_BREACHING,
  };
}

/** Alarms when a figure stays above `most`; what nobody measures alarms too where `isMissingAlarming`. */
export function excess(
  about: About,
  {
    metric,
    most,
    minutes,
    dimensions = {},
    isMissingAlarming = false,
  }: {
    readonly metric: MetricName;
    readonly most: number;
    /** Two looks of so many minutes each must agree. */
    readonly minutes: number;
    readonly dimensions?: Readonly<Record<string, string>>;
    readonly isMissingAlarming?: boolean;
  },
): AlarmRule {
  return {
    ...about,
    metric: holdfastMetric(metric, dimensions, { period: Duration.minutes(minutes), statistic: Stats.MAXIMUM }),
    comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
    threshold: most,
    periods: 2,
    missing: isMissingAlarming ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
  };
}

/**
 * The metric with 0 where there is nothing. Without it CloudWatch looks further back than it was told to find enough points, and an alarm by
 * absence comes days late.
 */
function filled(metric: IMetric & { readonly period: Duration }): MathExpression {
  return new MathExpression({ expression: 'FILL(m, 0)', usingMetrics: { m: metric }, period: metric.period });
}
