import { Duration, RemovalPolicy, Stack, TimeZone, Validations } from 'aws-cdk-lib';
import { type IRuleTarget, Rule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription, LambdaSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import { schedulerCron } from '../core/schedule-expression.ts';
import { allow } from './allow.ts';
import type { Bundle } from './bundle.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Vault } from './vault.ts';

export type AlertsProps = {
  readonly settings: HoldfastConfig['alerts'];
  readonly bundle: Bundle;
  /** Where it is kept what was told to whom. */
  readonly vault: Vault;
};

/**
 * Who is told, and how. Alarms and failures come to one topic, completions to another; a function that listens to both tells every problem
 * once, again when it lasts, and when it is over: to the webhook by itself, to mail by a topic of its own, since SNS sends mail and speaks
 * no webhook's language. Alarms about telling itself go to mail directly.
 */
export class Alerts extends Construct {
  /** Failures, problems and alarms, as JSON. For programs; people get what the function makes of them. */
  readonly topic: Topic;
  /** Completed backups and restores. */
  readonly completions: Topic;
  /** Sentences for people, to whom mail is sent. */
  readonly mails: Topic;
  readonly notify: BundledFunction;
  /** Alerts that could not be delivered after several tries. */
  readonly deadLetters: Queue;
  /** The channels that are configured. */
  readonly channels: readonly string[];

  constructor(scope: Construct, id: string, props: AlertsProps) {
    super(scope, id);
    const { emails, webhook } = props.settings;
    this.topic = new Topic(this, 'Alerts', { displayName: 'Holdfast alerts', enforceSSL: true });
    this.completions = new Topic(this, 'Completions', { displayName: 'Holdfast completions', enforceSSL: true });
    this.mails = new Topic(this, 'Mails', { displayName: 'Holdfast', enforceSSL: true });
    for (const address of emails) this.mails.addSubscription(new EmailSubscription(address));
    this.channels = [...(webhook === undefined ? [] : ['webhook']), ...(emails.length === 0 ? [] : ['email'])];
    this.#warnOfFewChannels();
    for (const topic of [this.topic, this.mails]) this.#letPublish(topic, 'cloudwatch.amazonaws.com');
    for (const topic of [this.topic, this.completions]) this.#letPublish(topic, 'events.amazonaws.com');

    this.deadLetters = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.notify = this.#notifier(props);
    for (const topic of [this.topic, this.completions])
      topic.addSubscription(new LambdaSubscription(this.notify.function, { deadLetterQueue: this.deadLetters }));
    this.#routeEvents();
    if (this.channels.length > 0) this.#scheduleCanary(props.settings.canary);
  }

  #notifier({ bundle, vault }: AlertsProps): BundledFunction {
    const notify = new BundledFunction(this, 'Notify', {
      bundle,
      program: 'notify',
      description: 'Tells people of problems, each once, and that they are over',
      timeout: Duration.minutes(2),
      deadLetters: this.deadLetters,
      permissions: [
        {
          sid: 'SendMail',
          actions: ['sns:Publish', 'sns:ListSubscriptionsByTopic'],
          resources: [this.mails.topicArn],
        },
      ],
      environment: { ...vault.environment, HOLDFAST_MAIL_TOPIC: this.mails.topicArn },
    });
    vault.grantList(notify.role, 'alerts', 'health');
    vault.grantGet(notify.role, 'alerts', 'health');
    vault.grantPut(notify.role, 'alerts', 'health');
    return notify;
  }

  #routeEvents(): void {
    new Rule(this, 'Failures', {
      description: 'Holdfast: failed runs, and problems that were noticed, to the alerts',
      eventPattern: {
        source: ['holdfast'],
        detailType: [
          'Backup Failed',
          'Restore Failed',
          'Recovery Awaits Approval',
          'Recovery Begun',
          'Recovery Declined',
          'Restore Test Failed',
          'Cleanup Failed',
          'Problem Began',
          'Problem Ended',
        ],
      },
      targets: [toTopic(this.topic)],
    });
    new Rule(this, 'Successes', {
      description: 'Holdfast: completed backups, restores, restore tests and cleanups to the completions',
      eventPattern: {
        source: ['holdfast'],
        detailType: ['Backup Completed', 'Restore Completed', 'Restore Test Completed', 'Cleanup Completed'],
      },
      targets: [toTopic(this.completions)],
    });
  }

  #scheduleCanary(pattern: string): void {
    const role = new Role(this, 'CanaryRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      description: 'Holdfast: proves that alerts arrive',
    });
    this.notify.grantInvoke(role, 'Notify');
    allow(role, { sid: 'KeepDeadLetters', actions: ['sqs:SendMessage'], resources: [this.deadLetters.queueArn] });
    new Schedule(this, 'Canary', {
      description: 'Proves that each channel of alerts works',
      schedule: ScheduleExpression.expression(schedulerCron(pattern), TimeZone.ETC_UTC),
      target: new LambdaInvoke(this.notify.function, {
        role: role.withoutPolicyUpdates(),
        input: ScheduleTargetInput.fromObject({ canary: true }),
        deadLetterQueue: this.deadLetters,
        maxEventAge: Duration.hours(1),
        retryAttempts: 3,
      }),
    });
  }

  /**
   * A topic with a policy of its own loses the one that lets its account publish, and alarms would silently reach nobody. A service acts for
   * every account, so which one it has to act for is said.
   */
  #letPublish(topic: Topic, service: 'cloudwatch.amazonaws.com' | 'events.amazonaws.com'): void {
    topic.addToResourcePolicy(
      new PolicyStatement({
        sid: service === 'cloudwatch.amazonaws.com' ? 'AlarmsPublish' : 'RulesPublish',
        principals: [new ServicePrincipal(service)],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
  }

  #warnOfFewChannels(): void {
    if (this.channels.length >= 2) return;
    const what = this.channels.length === 0 ? 'nobody is told of problems' : `alerts go by ${this.channels[0]} only`;
    Validations.of(this).addWarning(
      'holdfast-few-alert-channels',
      `${what}: set alerts.emails and alerts.webhook, so that one can tell when the other is down`,
    );
  }
}

/** As CDK's `SnsTopic`, which lets rules of any account publish. */
const toTopic = (topic: Topic): IRuleTarget => ({ bind: () => ({ arn: topic.topicArn, targetResource: topic }) });
