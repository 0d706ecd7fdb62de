import { Duration } from 'aws-cdk-lib';
import { type Alarm, AlarmStatusWidget, Dashboard, GraphWidget, type IWidget, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import { type MetricName, metrics } from '../core/metrics.ts';
import { holdfastMetric } from './holdfast-metric.ts';

export type OverviewProps = {
  readonly name: string;
  readonly targets: HoldfastConfig['targets'];
  readonly alarms: readonly Alarm[];
};

/** The dashboard: what is alarming, then rows per target, then Holdfast's own parts. */
export class Overview extends Construct {
  constructor(scope: Construct, id: string, { name, targets, alarms }: OverviewProps) {
    super(scope, id);
    new Dashboard(this, 'Dashboard', {
      dashboardName: name,
      defaultInterval: Duration.days(14),
      widgets: [
        [new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24, height: 4 })],
        ...targets.flatMap((target) =>
          [...new Set(target.backups.map((entry) => entry.method))].map((method) =>
            row(`${target.name}, ${method}`, { Target: target.name, Method: method }),
          ),
        ),
        ...targets.map(({ name: target }) => recoveryRow(target)),
        [
          graph('Missed and stuck runs', ['MissedRuns', 'StuckRuns'], {}, Stats.MAXIMUM),
          graph('Catalog: events not indexed yet', ['EventsUnindexed'], {}, Stats.MAXIMUM),
          graph('Watch, reconciler, health check', ['WatchBeat', 'ReconcilerBeat', 'HealthCheckBeat'], {}, Stats.SUM),
        ],
      ],
    });
  }
}

const row = (title: string, dimensions: Readonly<Record<string, string>>): IWidget[] => [
  graph(`${title}: runs`, ['BackupSucceeded', 'BackupFailed'], dimensions, Stats.SUM),
  graph(`${title}: duration`, ['BackupDuration'], dimensions, Stats.MAXIMUM),
  graph(`${title}: size`, ['BackupPlainBytes', 'BackupStoredBytes'], dimensions, Stats.MAXIMUM),
];

const recoveryRow = (target: string): IWidget[] => [
  graph(
    `${target}: how far back the newest restorable point lies`,
    ['RestorablePointAge'],
    { Target: target },
    Stats.MAXIMUM,
  ),
  graph(`${target}: duration of restores`, ['RestoreDuration'], { Target: target }, Stats.MAXIMUM),
  graph(`${target}: WAL files not archived`, ['UnarchivedWalFiles'], { Target: target }, Stats.MAXIMUM),
];

function graph(
  title: string,
  names: readonly MetricName[],
  dimensions: Readonly<Record<string, string>>,
  statistic: string,
): GraphWidget {
  const [first] = names;
  return new GraphWidget({
    title,
    width: 8,
    left: names.map((name) => holdfastMetric(name, dimensions, { period: Duration.hours(1), statistic })),
    leftYAxis: { min: 0, showUnits: false, ...(first === undefined ? {} : { label: metrics[first].unit }) },
  });
}
