import { Duration, RemovalPolicy, Stack, TimeZone, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ContextAttribute,
  Schedule,
  ScheduleExpression,
  ScheduleGroup,
  ScheduleTargetInput,
} from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke, StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge } from '../checks/acknowledge.ts';
import type { BackupEntry, HoldfastConfig } from '../config/config.ts';
import { schedulerCron } from '../core/schedule-expression.ts';
import { allow } from './allow.ts';
import type { BundledFunction } from './bundled-function.ts';
import type { Machine } from './machine.ts';
import { isSkippedWhenClocksGoForward } from './schedule-runs.ts';

export type SchedulesProps = {
  /** The group's name. */
  readonly name: string;
  readonly targets: HoldfastConfig['targets'];
  readonly backup: Machine;
  readonly reconcile: BundledFunction;
  /** @default 15 minutes */
  readonly reconcileEvery?: Duration;
};

/**
 * When things run: a schedule per target and backup entry, and the reconciler's. Scheduler would try a missed start again for a day; here it
 * gives up after an hour, because a nightly backup that starts at noon is a surprise, and what it gave up on waits in a queue that is watched.
 * Each start bears the time that it was due, which is what makes two starts of one slot one backup.
 */
export class Schedules extends Construct {
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: SchedulesProps) {
    super(scope, id);
    const group = new ScheduleGroup(this, 'Group', {
      scheduleGroupName: props.name,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.deadLetters = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    acknowledge(
      this.deadLetters,
      'AwsSolutions-SQS3',
      'this is the dead-letter queue itself, and any message in it raises an alarm',
    );
    const role = this.#role(props);
    const delivery = {
      role: role.withoutPolicyUpdates(),
      deadLetterQueue: this.deadLetters,
      maxEventAge: Duration.hours(1),
      retryAttempts: 3,
    };

    for (const target of props.targets) {
      for (const entry of target.backups) {
        this.#warnOfClockGap(entry);
        new Schedule(this, entry.name, {
          scheduleName: entry.name,
          scheduleGroup: group,
          description: `${target.name}: ${entry.tier} ${entry.method} backup, kept ${entry.retentionDays} days`,
          enabled: entry.enabled,
          schedule: ScheduleExpression.expression(schedulerCron(entry.schedule), TimeZone.of(entry.timezone)),
          target: new StepFunctionsStartExecution(props.backup.machine, {
            ...delivery,
            input: ScheduleTargetInput.fromObject({
              target: target.name,
              method: entry.method,
              tier: entry.tier,
              scheduledTime: ContextAttribute.scheduledTime,
              requestedBy: { kind: 'schedule', name: entry.name },
            }),
          }),
        });
      }
    }
    new Schedule(this, 'Reconcile', {
      scheduleName: 'reconcile',
      scheduleGroup: group,
      description: 'Compares what should exist with what does',
      schedule: ScheduleExpression.rate(props.reconcileEvery ?? Duration.minutes(15)),
      target: new LambdaInvoke(props.reconcile.function, {
        ...delivery,
        // The next one comes soon enough.
        maxEventAge: Duration.minutes(5),
        retryAttempts: 1,
        input: ScheduleTargetInput.fromObject({}),
      }),
    });
  }

  #warnOfClockGap(entry: BackupEntry): void {
    if (!entry.enabled || !isSkippedWhenClocksGoForward(entry)) return;
    Validations.of(this).addWarning(
      'holdfast-schedule-in-clock-gap',
      `'${entry.name}' ('${entry.schedule}' ${entry.timezone}) is left out once a year, on the night in which clocks go forward. ` +
        'Schedule it in UTC, or at another hour, if that matters',
    );
  }

  #role({ backup, reconcile }: SchedulesProps): Role {
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      description: 'Holdfast: starts what is due',
    });
    allow(role, { sid: 'StartBackups', actions: ['states:StartExecution'], resources: [backup.arn] });
    reconcile.grantInvoke(role, 'Reconcile');
    allow(role, { sid: 'KeepDeadLetters', actions: ['sqs:SendMessage'], resources: [this.deadLetters.queueArn] });
    return role;
  }
}
