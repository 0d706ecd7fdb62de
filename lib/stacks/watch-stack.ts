import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import { Alarms } from '../constructs/alarms.ts';
import { Alerts } from '../constructs/alerts.ts';
import type { Bundle } from '../constructs/bundle.ts';
import { Overview } from '../constructs/overview.ts';
import { Vault } from '../constructs/vault.ts';
import type { RuntimeStack } from './runtime-stack.ts';

export type WatchStackProps = StackProps & {
  readonly config: HoldfastConfig;
  readonly bundle: Bundle;
  /** @default - the existing bucket and key that the configuration names */
  readonly vault?: Vault;
  readonly runtime: RuntimeStack;
};

/** What notices: alerts, alarms, a dashboard. It looks at the runtime from outside, and the runtime does not know of it. */
export class WatchStack extends Stack {
  readonly alerts: Alerts;
  readonly alarms: Alarms;

  constructor(scope: Construct, id: string, { config, bundle, vault, runtime, ...props }: WatchStackProps) {
    super(scope, id, props);
    this.alerts = new Alerts(this, 'Alerts', {
      settings: config.alerts,
      bundle,
      vault: vault ?? Vault.of(this, 'Vault', config),
    });
    this.alarms = new Alarms(this, 'Alarms', {
      name: config.aws.name,
      config,
      machines: {
        backup: runtime.backup,
        restore: runtime.restore,
        recovery: runtime.recovery,
        'restore-test': runtime.restoreTest,
        cleanup: runtime.cleanup,
        'health-check': runtime.healthCheck,
      },
      missedStarts: runtime.schedules.deadLetters,
      undelivered: this.alerts.deadLetters,
      channels: this.alerts.channels,
      action: new SnsAction(this.alerts.topic),
      lastResort: new SnsAction(this.alerts.mails),
    });
    new Overview(this, 'Overview', { name: config.aws.name, targets: config.targets, alarms: this.alarms.all });
    const outputs: Readonly<Record<string, readonly [string, string]>> = {
      AlertTopicArn: ['Failures, problems and alarms, as JSON', this.alerts.topic.topicArn],
      MailTopicArn: ['What people are told, as text; subscribe more addresses to it', this.alerts.mails.topicArn],
    };
    for (const [name, [description, value]] of Object.entries(outputs))
      new CfnOutput(this, name, { description, value });
  }
}
