import { Stack } from 'aws-cdk-lib';
import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { SubscriptionProtocol, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription, UrlSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

export type AlertsProps = {
  /** Each gets a mail with a link to confirm first. @default - none */
  readonly emails?: readonly string[];
  /** Gets every alert as SNS posts it, after it has confirmed the subscription that SNS sends first. @default - none */
  readonly webhook?: string;
};

/** Who is told: a topic for what needs somebody, and one for everything that ended well, which nobody need subscribe to. */
export class Alerts extends Construct {
  /** Failures, and alarms. */
  readonly topic: Topic;
  /** Completed backups and restores. */
  readonly completions: Topic;

  constructor(scope: Construct, id: string, { emails = [], webhook }: AlertsProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Alerts', { displayName: 'Holdfast alerts', enforceSSL: true });
    this.completions = new Topic(this, 'Completions', { displayName: 'Holdfast completions', enforceSSL: true });
    for (const address of emails) this.topic.addSubscription(new EmailSubscription(address));
    if (webhook !== undefined) {
      const protocol = webhook.startsWith('https:') ? SubscriptionProtocol.HTTPS : SubscriptionProtocol.HTTP;
      this.topic.addSubscription(new UrlSubscription(webhook, { protocol }));
    }

    // A topic with a policy of its own loses the one that lets its account publish, and alarms would silently reach nobody.
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsPublish',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );

    new Rule(this, 'Failures', {
      description: 'Holdfast: failed backups, restores, restore tests and cleanups to the alerts',
      eventPattern: {
        source: ['holdfast'],
        detailType: ['Backup Failed', 'Restore Failed', 'Restore Test Failed', 'Cleanup Failed'],
      },
      targets: [
        new SnsTopic(this.topic, {
          message: RuleTargetInput.fromText(
            `Holdfast: ${EventField.detailType} for '${EventField.fromPath('$.detail.target')}' (${EventField.fromPath('$.detail.operation')}): ` +
              `${EventField.fromPath('$.detail.code')}: ${EventField.fromPath('$.detail.message')}. ` +
              `Try: ${EventField.fromPath('$.detail.hint')}. Execution ${EventField.fromPath('$.detail.execution')}`,
          ),
        }),
      ],
    });
    new Rule(this, 'Successes', {
      description: 'Holdfast: completed backups, restores, restore tests and cleanups to the completions',
      eventPattern: {
        source: ['holdfast'],
        detailType: ['Backup Completed', 'Restore Completed', 'Restore Test Completed', 'Cleanup Completed'],
      },
      targets: [new SnsTopic(this.completions)],
    });
  }
}
