import { Duration } from 'aws-cdk-lib';
import { type AlarmRule, absence, excess, occurrence } from './alarm-rules.ts';
import { holdfastMetric } from './holdfast-metric.ts';

const gibibyte = 1024 ** 3;

/** What raises an alarm about the write-ahead log of a target that is received. */
export function walAlarms(target: string): readonly AlarmRule[] {
  const about = { subject: target, target };
  const dimensions = { Target: target };
  return [
    absence(
      {
        ...about,
        kind: 'wal-receiver-silent',
        happened: `The receiver of the log of '${target}' was not heard for half an hour.`,
      },
      { metric: 'WalReceiverBeat', hours: 0.5, dimensions },
    ),
    excess(
      {
        ...about,
        kind: 'wal-behind',
        happened: `The log of '${target}' in the store is more than five minutes behind.`,
      },
      { metric: 'WalLagSeconds', most: 300, minutes: 5, dimensions },
    ),
    excess(
      {
        ...about,
        kind: 'wal-slot-growing',
        happened: `The server of '${target}' keeps more than 10 GiB of log that is not stored.`,
      },
      { metric: 'WalSlotRetainedBytes', most: 10 * gibibyte, minutes: 5, dimensions },
    ),
    occurrence(
      {
        ...about,
        kind: 'wal-gap',
        happened: `A stretch of the log of '${target}' is lost: points after it need a base backup from after it.`,
      },
      holdfastMetric('WalGaps', dimensions, { period: Duration.minutes(5) }),
    ),
  ];
}
