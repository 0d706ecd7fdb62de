import { Duration, Validations } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IAlarmAction,
  MathExpression,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import { isReceived, receivedTargets } from '../config/received-targets.ts';
import { longestUntakenSeconds } from '../core/find-problems.ts';
import { objectivesOf } from '../core/objectives.ts';
import { firstCommand, problemId, problemKinds, runbookOf } from '../core/problem-kinds.ts';
import { longestGapHours } from '../core/schedule-runs.ts';
import { type AlarmRule, absence, excess, longestWindowHours, occurrence } from './alarm-rules.ts';
import { holdfastMetric } from './holdfast-metric.ts';
import type { Machine } from './machine.ts';
import { walAlarms } from './wal-alarms.ts';

export type AlarmsProps = {
  /** Put before every alarm's name. */
  readonly name: string;
  readonly config: Pick<HoldfastConfig, 'targets' | 'run' | 'encryption' | 'alerts' | 'health'>;
  readonly machines: Readonly<Record<string, Machine>>;
  /** Starts that schedules gave up. */
  readonly missedStarts: IQueue;
  /** Alerts that nobody got. */
  readonly undelivered: IQueue;
  readonly channels: readonly string[];
  /** Told when an alarm begins and when it ends. */
  readonly action: IAlarmAction;
  /** Told besides, without passing by what tells people, when that itself is in question. */
  readonly lastResort: IAlarmAction;
};

type Target = HoldfastConfig['targets'][number];

/**
 * What raises an alarm. The first kind does so by absence: not the failure of a run, which a run that never started cannot report, but the lack
 * of a success in the time in which there must have been one. Each is named after the problem that it sees, so that it and whoever else sees
 * it are one alert.
 */
export class Alarms extends Construct {
  readonly all: readonly Alarm[];
  readonly #props: AlarmsProps;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.#props = props;
    this.all = [
      ...props.config.targets.flatMap((target) => [...this.#backupsOf(target), ...this.#recoveryOf(target)]),
      ...receivedTargets(props.config.targets).flatMap(({ name }) => walAlarms(name)),
      ...Object.entries(props.machines).map(([what, machine]) => executionsFailed(what, machine)),
      ...this.#ownParts(),
      ...this.#channels(),
    ].map((rule) => this.#add(rule));
  }

  /** Per method: that there is a backup, and that it can be read. */
  #backupsOf(target: Target): readonly AlarmRule[] {
    const methods = [...new Set(target.backups.map(({ method }) => method))];
    return methods.flatMap((method): readonly AlarmRule[] => {
      const objectives = objectivesOf(target, method, this.#props.config.run.timeoutSeconds);
      if (objectives === undefined) return [];
      const { windowHours } = objectives;
      const about = { subject: `${target.name}-${method}`, target: target.name };
      const dimensions = { Target: target.name, Method: method };
      const invalid = occurrence(
        {
          ...about,
          kind: 'validation-failed',
          happened: `A ${method} backup of '${target.name}' could not be read as it was written.`,
        },
        holdfastMetric('BackupValidationFailed', dimensions, { period: Duration.minutes(5) }),
      );
      if (windowHours > longestWindowHours) {
        this.#warn(
          'holdfast-no-absence-alarm',
          `target '${target.name}' is backed up every ${windowHours} hours, longer than CloudWatch can look back: ` +
            'that none is missing is left to the watch. Add a daily backup to have an alarm of its own',
        );
        return [invalid];
      }
      const happened = `No complete ${method} backup of '${target.name}' in ${windowHours} hours, in which there must have been one.`;
      const missing = absence(
        { ...about, kind: 'no-backup', happened },
        { metric: 'BackupSucceeded', hours: windowHours, dimensions },
      );
      return [invalid, missing];
    });
  }

  /** The objectives: how much may be lost, and how long it may take to bring it back; and what fills the server's disk. */
  #recoveryOf({ name, rpoHours, rtoMinutes, backups, ...target }: Target): readonly AlarmRule[] {
    const about = { subject: name, target: name };
    const dimensions = { Target: name };
    const methods = [...new Set(backups.map(({ method }) => method))];
    // With a log that is received, what is lost is seconds however seldom a base is taken.
    const canMeet =
      isReceived(target) ||
      methods.some(
        (method) =>
          objectivesOf({ backups, rpoHours }, method, this.#props.config.run.timeoutSeconds)?.rpoHours != null,
      );
    if (!canMeet) {
      this.#warn(
        `holdfast-rpo-out-of-reach-${name}`,
        `the schedules of target '${name}' cannot meet its recovery point objective of ${rpoHours} hours: it has no alarm of its own. ` +
          'Back up more often, or set rpoHours to what is wanted',
      );
    }
    const point = excess(
      {
        ...about,
        kind: 'rpo-exceeded',
        happened: `The newest point to which '${name}' can be restored is more than ${rpoHours} hours old.`,
      },
      { metric: 'RestorablePointAge', most: rpoHours * 3600, minutes: 15, dimensions, isMissingAlarming: true },
    );
    const time: AlarmRule = {
      ...about,
      kind: 'rto-exceeded',
      happened: `A restore into '${name}' took longer than its recovery time objective of ${rtoMinutes} minutes.`,
      metric: holdfastMetric('RestoreDuration', dimensions, { period: Duration.minutes(5), statistic: Stats.MAXIMUM }),
      comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
      threshold: rtoMinutes * 60,
      periods: 1,
      missing: TreatMissingData.NOT_BREACHING,
    };
    const wal = excess(
      { ...about, kind: 'wal-not-archived', happened: `More than 100 WAL files of '${name}' wait to be archived.` },
      { metric: 'UnarchivedWalFiles', most: 100, minutes: 60, dimensions },
    );
    return [...(canMeet ? [point] : []), time, ...(target.engine === 'postgres' ? [wal] : [])];
  }

  /** What watches, and what it watches with. */
  #ownParts(): readonly AlarmRule[] {
    const { missedStarts, undelivered, config } = this.#props;
    const checkHours = longestGapHours({ schedule: config.health.schedule, timezone: 'UTC' }) + 1;
    const visible = { period: Duration.minutes(5) };
    return [
      occurrence(
        {
          kind: 'missed-starts',
          happened:
            'A schedule could not start what was due, and gave up. The message in the dead-letter queue says which.',
        },
        missedStarts.metricApproximateNumberOfMessagesVisible(visible),
      ),
      occurrence(
        {
          kind: 'alerts-undelivered',
          happened: 'An alert could not be delivered after several tries. It lies in the dead-letter queue of alerts.',
          isLastResort: true,
        },
        undelivered.metricApproximateNumberOfMessagesVisible(visible),
      ),
      absence(
        { kind: 'reconciler-silent', happened: 'The reconciler has not ended well for an hour.' },
        { metric: 'ReconcilerBeat', hours: 1 },
      ),
      absence(
        { kind: 'watch-silent', happened: 'The watch has not ended well for an hour.', isLastResort: true },
        { metric: 'WatchBeat', hours: 1 },
      ),
      absence(
        { kind: 'health-check-silent', happened: `No health check ended well in ${checkHours} hours.` },
        { metric: 'HealthCheckBeat', hours: checkHours },
      ),
      {
        ...excess(
          { kind: 'catalog-behind', happened: 'The catalog has been behind the store for an hour.' },
          { metric: 'EventsUnindexed', most: 0, minutes: 15 },
        ),
        periods: 4,
      },
      excess(
        { kind: 'missed-run', happened: 'A backup was due and was not begun.' },
        { metric: 'MissedRuns', most: 0, minutes: 5 },
      ),
      ...(config.run.cleanup
        ? [
            excess(
              { kind: 'missed-cleanup', happened: 'The cleanup was due and was not begun.' },
              { metric: 'MissedCleanups', most: 0, minutes: 15 },
            ),
          ]
        : []),
      excess(
        {
          kind: 'requests-waiting',
          happened: `Requests that people made by SQL have waited for more than ${longestUntakenSeconds / 60} minutes.`,
        },
        { metric: 'OldestRequestSeconds', most: longestUntakenSeconds, minutes: 5 },
      ),
      excess(
        { kind: 'stuck-run', happened: 'A run lasts longer than one may.' },
        { metric: 'StuckRuns', most: 0, minutes: 15 },
      ),
      ...(config.encryption.keys === 'none' ? [] : [keyUnusable]),
    ];
  }

  #channels(): readonly AlarmRule[] {
    const hours = Math.ceil(longestGapHours({ schedule: this.#props.config.alerts.canary, timezone: 'UTC' })) + 2;
    return this.#props.channels.map((channel) =>
      absence(
        {
          kind: 'canary-silent',
          subject: channel,
          happened: `It has not been proved in ${hours} hours that alerts arrive by ${channel}.`,
          isLastResort: true,
        },
        { metric: 'AlertCanarySucceeded', hours, dimensions: { Channel: channel } },
      ),
    );
  }

  #warn(id: string, message: string): void {
    Validations.of(this).addWarning(id, message);
  }

  #add({ kind, subject, target, happened, ...rule }: AlarmRule): Alarm {
    const id = problemId(kind, subject);
    const { name, config, action, lastResort } = this.#props;
    const runbook = config.alerts.runbooks === undefined ? runbookOf(kind) : `${config.alerts.runbooks}/${kind}.md`;
    const alarm = new Alarm(this, id, {
      alarmName: `${name}-${id}`,
      // The first line is what alerts quote.
      alarmDescription: `${happened}\nIt means: ${problemKinds[kind].impact}. First: '${firstCommand(kind, target)}'. Runbook: ${runbook}`,
      metric: rule.metric,
      comparisonOperator: rule.comparison,
      threshold: rule.threshold,
      evaluationPeriods: rule.periods,
      datapointsToAlarm: rule.periods,
      treatMissingData: rule.missing,
    });
    for (const told of rule.isLastResort === true ? [action, lastResort] : [action]) {
      alarm.addAlarmAction(told);
      alarm.addOkAction(told);
    }
    return alarm;
  }
}

const keyUnusable: AlarmRule = {
  kind: 'key-unusable',
  happened: 'The key that wraps the key of every backup cannot be used.',
  metric: holdfastMetric('KeyUsable', {}, { period: Duration.minutes(15), statistic: Stats.MINIMUM }),
  comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
  threshold: 1,
  periods: 2,
  missing: TreatMissingData.BREACHING,
};

function executionsFailed(what: string, { machine }: Machine): AlarmRule {
  const period = Duration.minutes(5);
  return occurrence(
    {
      kind: 'executions-failed',
      subject: what,
      happened: `A ${what} ended without success. The execution's error is the code from the error table and its cause says what to try.`,
    },
    new MathExpression({
      expression: 'failed + timedOut + aborted',
      label: 'executions that ended badly',
      period,
      usingMetrics: {
        failed: machine.metricFailed({ period }),
        timedOut: machine.metricTimedOut({ period }),
        aborted: machine.metricAborted({ period }),
      },
    }),
  );
}
