import { createHash } from 'node:crypto';
import { CustomResource, Duration, RemovalPolicy, Stack, TimeZone, Validations } from 'aws-cdk-lib';
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
import { restoreTestSchedules, upkeepMinutes } from '../config/upkeep-schedules.ts';
import { schedulerCron } from '../core/schedule-expression.ts';
import { isSkippedWhenClocksGoForward } from '../core/schedule-runs.ts';
import { allow } from './allow.ts';
import type { Bundle } from './bundle.ts';
import { BundledFunction } from './bundled-function.ts';
import { customResourceProvider } from './custom-resource-provider.ts';
import type { Machine } from './machine.ts';
import type { Vault } from './vault.ts';

export type SchedulesProps = {
  /** The group's name. */
  readonly name: string;
  readonly targets: HoldfastConfig['targets'];
  readonly bundle: Bundle;
  readonly vault: Vault;
  readonly catalog: BundledFunction;
  readonly backup: Machine;
  readonly restoreTest: Machine;
  readonly restoreTests: HoldfastConfig['restoreTests'];
  readonly cleanup: {
    readonly machine: Machine;
    /** Cron, five fields. */
    readonly schedule: string;
    readonly timezone: string;
    readonly enabled: boolean;
  };
  readonly reconcile: BundledFunction;
  readonly takeRequests: BundledFunction;
  readonly watch: BundledFunction;
  /** Where runs stop services. @default - none does */
  readonly startServices?: BundledFunction;
  readonly healthCheck: { readonly machine: Machine; readonly schedule: string };
};

/**
 * When things run: a schedule per target and backup entry, those of restore tests, the cleanup, the reconciler, the watch and the health check. Scheduler would try a missed start again for a day; here it
 * gives up after an hour, because a nightly backup that starts at noon is a surprise, and what it gave up on waits in a queue that is watched.
 * Each start bears the time that it was due, which is what makes two starts of one slot one backup.
 *
 * People change schedules without a deployment. The journal keeps what they changed, and one function makes Scheduler follow it: when it is
 * changed, after a deployment that has put the configured times back, and every quarter of an hour.
 */
export class Schedules extends Construct {
  readonly deadLetters: Queue;
  /** Changes schedules; asked by the API and by the command line. */
  readonly function: BundledFunction;

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
    this.function = this.#function(props, role);
    this.function.grantInvoke(role, 'ApplySchedules');
    const delivery = {
      role: role.withoutPolicyUpdates(),
      deadLetterQueue: this.deadLetters,
      maxEventAge: Duration.hours(1),
      retryAttempts: 3,
    };

    const declared: Schedule[] = [];
    for (const target of props.targets) {
      for (const entry of target.backups) {
        this.#warnOfClockGap(entry);
        const schedule = new Schedule(this, entry.name, {
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
              format: entry.format,
              tier: entry.tier,
              scheduledTime: ContextAttribute.scheduledTime,
              requestedBy: { kind: 'schedule', name: entry.name },
            }),
          }),
        });
        declared.push(schedule);
      }
    }
    this.#followDeployments(props, declared);
    new Schedule(this, 'ApplySchedules', {
      scheduleName: 'apply-schedules',
      scheduleGroup: group,
      description: 'Puts back what differs from the configuration and from what was changed by hand since',
      schedule: ScheduleExpression.rate(every('apply-schedules')),
      target: new LambdaInvoke(this.function.function, {
        ...delivery,
        maxEventAge: Duration.minutes(5),
        retryAttempts: 1,
        input: ScheduleTargetInput.fromObject({ operation: 'apply' }),
      }),
    });
    for (const { name, does, enabled, when, request } of restoreTestSchedules(props)) {
      new Schedule(this, name, {
        scheduleName: name,
        scheduleGroup: group,
        description: does,
        enabled,
        schedule: ScheduleExpression.expression(schedulerCron(when.cron), TimeZone.of(when.timezone)),
        target: new StepFunctionsStartExecution(props.restoreTest.machine, {
          ...delivery,
          input: ScheduleTargetInput.fromObject({ ...request, requestedBy: { kind: 'schedule', name } }),
        }),
      });
    }
    new Schedule(this, 'Cleanup', {
      scheduleName: 'cleanup',
      scheduleGroup: group,
      description: 'Removes backups whose time is over',
      enabled: props.cleanup.enabled,
      schedule: ScheduleExpression.expression(
        schedulerCron(props.cleanup.schedule),
        TimeZone.of(props.cleanup.timezone),
      ),
      target: new StepFunctionsStartExecution(props.cleanup.machine.machine, {
        ...delivery,
        input: ScheduleTargetInput.fromObject({ requestedBy: { kind: 'schedule', name: 'cleanup' } }),
      }),
    });
    const soonAgain = {
      ...delivery,
      // The next one comes soon enough.
      maxEventAge: Duration.minutes(5),
      retryAttempts: 1,
      input: ScheduleTargetInput.fromObject({}),
    };
    new Schedule(this, 'TakeRequests', {
      // The local stack fires it early when the catalog's server notifies of a request by this name.
      scheduleName: 'take-requests',
      scheduleGroup: group,
      description: 'Starts what was asked for by SQL',
      schedule: ScheduleExpression.rate(every('take-requests')),
      target: new LambdaInvoke(props.takeRequests.function, {
        ...delivery,
        // The next one comes soon enough.
        maxEventAge: Duration.minutes(1),
        retryAttempts: 0,
        input: ScheduleTargetInput.fromObject({}),
      }),
    });
    new Schedule(this, 'Reconcile', {
      scheduleName: 'reconcile',
      scheduleGroup: group,
      description: 'Brings the catalog up to date, and ends runs that could not end themselves',
      schedule: ScheduleExpression.rate(every('reconcile')),
      target: new LambdaInvoke(props.reconcile.function, soonAgain),
    });
    new Schedule(this, 'Watch', {
      scheduleName: 'watch',
      scheduleGroup: group,
      description: 'Compares what should exist with what does',
      schedule: ScheduleExpression.rate(every('watch')),
      target: new LambdaInvoke(props.watch.function, soonAgain),
    });
    if (props.startServices !== undefined)
      new Schedule(this, 'StartServices', {
        scheduleName: 'start-services',
        scheduleGroup: group,
        description: 'Starts services again that runs have stopped which are no more',
        schedule: ScheduleExpression.rate(every('start-services')),
        target: new LambdaInvoke(props.startServices.function, soonAgain),
      });
    new Schedule(this, 'HealthCheck', {
      scheduleName: 'health-check',
      scheduleGroup: group,
      description: 'Asks targets how they are, and checks the health of everything',
      schedule: ScheduleExpression.expression(schedulerCron(props.healthCheck.schedule), TimeZone.ETC_UTC),
      target: new StepFunctionsStartExecution(props.healthCheck.machine.machine, soonAgain),
    });
  }

  #function({ name, bundle, vault, catalog }: SchedulesProps, schedulerRole: Role): BundledFunction {
    const made = new BundledFunction(this, 'Function', {
      bundle,
      program: 'schedules',
      name: `${name}-schedules`,
      description: 'Changes schedules, and makes EventBridge Scheduler follow what is in force',
      timeout: Duration.minutes(5),
      permissions: [
        catalog.invokePermission('TellCatalog'),
        {
          sid: 'ChangeSchedules',
          actions: ['scheduler:GetSchedule', 'scheduler:UpdateSchedule'],
          resources: [
            Stack.of(this).formatArn({ service: 'scheduler', resource: 'schedule', resourceName: `${name}/*` }),
          ],
          wildcardReason: "the group holds this installation's schedules and nothing else",
        },
        {
          sid: 'HandRoleToScheduler',
          actions: ['iam:PassRole'],
          resources: [schedulerRole.roleArn],
          conditions: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
        },
      ],
      environment: { ...vault.environment, HOLDFAST_CATALOG_FUNCTION: catalog.arn },
    });
    vault.grantList(made.role, 'journal');
    vault.grantGet(made.role, 'journal');
    vault.grantPut(made.role, 'journal');
    return made;
  }

  /** CloudFormation writes a schedule that has changed in the template as the template has it: after that, what is in force is put back. */
  #followDeployments({ targets }: SchedulesProps, declared: readonly Schedule[]): void {
    const provider = customResourceProvider(this, 'Provider', { logId: 'ProviderLog', onEvent: this.function });
    const times = targets.flatMap(({ backups }) =>
      backups.map(({ name, schedule, timezone, enabled }) => [name, schedule, timezone, enabled]),
    );
    const inForce = new CustomResource(this, 'InForce', {
      resourceType: 'Custom::HoldfastSchedulesInForce',
      serviceToken: provider.serviceToken,
      properties: { declared: createHash('sha256').update(JSON.stringify(times)).digest('hex') },
      removalPolicy: RemovalPolicy.RETAIN,
    });
    inForce.node.addDependency(...declared);
  }

  #warnOfClockGap(entry: BackupEntry): void {
    if (!entry.enabled || !isSkippedWhenClocksGoForward(entry)) return;
    Validations.of(this).addWarning(
      'holdfast-schedule-in-clock-gap',
      `'${entry.name}' ('${entry.schedule}' ${entry.timezone}) is left out once a year, on the night in which clocks go forward. ` +
        'Schedule it in UTC, or at another hour, if that matters',
    );
  }

  #role(props: SchedulesProps): Role {
    const { backup, restoreTest, cleanup, reconcile, takeRequests, watch, healthCheck, startServices } = props;
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      description: 'Holdfast: starts what is due',
    });
    allow(role, {
      sid: 'StartRuns',
      actions: ['states:StartExecution'],
      resources: [backup.arn, restoreTest.arn, cleanup.machine.arn, healthCheck.machine.arn],
    });
    reconcile.grantInvoke(role, 'Reconcile');
    watch.grantInvoke(role, 'Watch');
    takeRequests.grantInvoke(role, 'TakeRequests');
    startServices?.grantInvoke(role, 'StartServices');
    allow(role, { sid: 'KeepDeadLetters', actions: ['sqs:SendMessage'], resources: [this.deadLetters.queueArn] });
    return role;
  }
}

const every = (name: keyof typeof upkeepMinutes): Duration => Duration.minutes(upkeepMinutes[name]);
