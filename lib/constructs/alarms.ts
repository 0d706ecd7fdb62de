import { Duration, Validations } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IAlarmAction,
  type IMetric,
  MathExpression,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import { holdfastMetric } from './holdfast-metric.ts';
import type { Machine } from './machine.ts';
import { longestGapHours } from './schedule-runs.ts';

export type AlarmsProps = {
  /** Put before every alarm's name. */
  readonly name: string;
  readonly targets: HoldfastConfig['targets'];
  /** How long a run may take. */
  readonly deadline: Duration;
  readonly machines: Readonly<Record<string, Machine>>;
  readonly deadLetters: IQueue;
  /** Told when an alarm begins and when it ends. */
  readonly action: IAlarmAction;
};

/** CloudWatch looks back a week at most. */
const longestWindowHours = 168;

type Rule = {
  readonly metric: IMetric;
  readonly comparison: ComparisonOperator;
  readonly threshold: number;
  readonly periods: number;
  /** Is it alarming that there is nothing to see? */
  readonly missing: TreatMissingData;
  /** What happened, what it means, and the first thing to do. */
  readonly description: string;
};

/**
 * What raises an alarm. The first kind does so by absence: not the failure of a run, which a run that never started cannot report, but the lack
 * of a success in the time in which there must have been one.
 */
export class Alarms extends Construct {
  readonly all: readonly Alarm[];
  readonly #props: AlarmsProps;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.#props = props;
    this.all = [
      ...props.targets.flatMap((target) => this.#absence(target)),
      ...Object.entries(props.machines).map(([what, machine]) => this.#executions(what, machine)),
      this.#add('missed-starts', {
        metric: props.deadLetters.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(5) }),
        comparison: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        threshold: 1,
        periods: 1,
        missing: TreatMissingData.NOT_BREACHING,
        description:
          'A schedule could not start what was due, and gave up after an hour. That backup did not run: the message in the dead-letter queue ' +
          "says which. Start it with 'holdfast backup <target>', then look at the schedule's role and the state machine's quota.",
      }),
      this.#add('reconciler-silent', {
        metric: filled(holdfastMetric('ReconcilerBeat', {}, { period: Duration.minutes(15) })),
        comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
        threshold: 1,
        periods: 4,
        missing: TreatMissingData.BREACHING,
        description:
          'The reconciler has not ended well for an hour. Nobody notices missed runs meanwhile, and the catalog falls behind. ' +
          "Its log says why; 'holdfast doctor' checks what it needs.",
      }),
      this.#add('catalog-behind', {
        metric: holdfastMetric('EventsUnindexed', {}, { period: Duration.minutes(15), statistic: Stats.MAXIMUM }),
        comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
        threshold: 0,
        periods: 4,
        missing: TreatMissingData.NOT_BREACHING,
        description:
          'The catalog has been behind the store for an hour. Backups are safe, and run on; lists and queries miss the newest. ' +
          "Is the database up? 'holdfast catalog rebuild' makes it whole again.",
      }),
    ];
  }

  /** One alarm per target and method that is scheduled. */
  #absence(target: HoldfastConfig['targets'][number]): Alarm[] {
    const entries = target.backups.filter((entry) => entry.enabled);
    return [...new Set(entries.map((entry) => entry.method))].flatMap((method) => {
      const gaps = entries.filter((entry) => entry.method === method).map(longestGapHours);
      const hours = Math.ceil(Math.min(...gaps) + this.#props.deadline.toHours({ integral: false }));
      if (hours > longestWindowHours) {
        Validations.of(this).addWarning(
          'holdfast-no-absence-alarm',
          `target '${target.name}' is backed up every ${hours} hours, longer than CloudWatch can look back: ` +
            'that none is missing is left to the reconciler. Add a daily backup to have an alarm of its own',
        );
        return [];
      }
      const dimensions = { Target: target.name, Method: method };
      return [
        this.#add(`no-backup-${target.name}-${method}`, {
          metric: filled(holdfastMetric('BackupSucceeded', dimensions, { period: Duration.hours(1) })),
          comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
          threshold: 1,
          periods: hours,
          missing: TreatMissingData.BREACHING,
          description:
            `No complete ${method} backup of '${target.name}' in ${hours} hours, in which there must have been one. ` +
            `What changed since can not be restored. 'holdfast list ${target.name}' shows what there is, ` +
            `'holdfast backup ${target.name}' makes one now, 'holdfast probe ${target.name}' says why it would fail.`,
        }),
      ];
    });
  }

  #executions(what: string, { machine }: Machine): Alarm {
    const period = Duration.minutes(5);
    return this.#add(`${what}-executions-failed`, {
      metric: new MathExpression({
        expression: 'failed + timedOut + aborted',
        label: 'executions that ended badly',
        period,
        usingMetrics: {
          failed: machine.metricFailed({ period }),
          timedOut: machine.metricTimedOut({ period }),
          aborted: machine.metricAborted({ period }),
        },
      }),
      comparison: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 1,
      periods: 1,
      missing: TreatMissingData.NOT_BREACHING,
      description:
        `A ${what} ended without success. The execution's error is the code from the error table and its cause says what to try; ` +
        'once that is done, redrive it from the console.',
    });
  }

  #add(id: string, rule: Rule): Alarm {
    const alarm = new Alarm(this, id, {
      alarmName: `${this.#props.name}-${id}`,
      alarmDescription: rule.description,
      metric: rule.metric,
      comparisonOperator: rule.comparison,
      threshold: rule.threshold,
      evaluationPeriods: rule.periods,
      datapointsToAlarm: rule.periods,
      treatMissingData: rule.missing,
    });
    alarm.addAlarmAction(this.#props.action);
    alarm.addOkAction(this.#props.action);
    return alarm;
  }
}

/**
 * The metric with 0 where there is nothing. Without it CloudWatch looks further back than it was told to find enough points, and an alarm by
 * absence comes days late.
 */
function filled(metric: IMetric & { readonly period: Duration }): MathExpression {
  return new MathExpression({ expression: 'FILL(m, 0)', usingMetrics: { m: metric }, period: metric.period });
}
