import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import { Alarms } from '../constructs/alarms.ts';
import { Alerts } from '../constructs/alerts.ts';
import { Overview } from '../constructs/overview.ts';
import type { RuntimeStack } from './runtime-stack.ts';

export type WatchStackProps = StackProps & { readonly config: HoldfastConfig; readonly runtime: RuntimeStack };

/** What notices: alerts, alarms, a dashboard. It looks at the runtime from outside, and the runtime does not know of it. */
export class WatchStack extends Stack {
  readonly alerts: Alerts;
  readonly alarms: Alarms;

  constructor(scope: Construct, id: string, { config, runtime, ...props }: WatchStackProps) {
    super(scope, id, props);
    this.alerts = new Alerts(this, 'Alerts', {
      emails: config.alerts.emails,
      ...(config.alerts.webhook === undefined ? {} : { webhook: config.alerts.webhook }),
    });
    this.alarms = new Alarms(this, 'Alarms', {
      name: config.aws.name,
      targets: config.targets,
      deadline: Duration.seconds(config.run.timeoutSeconds),
      machines: {
        backup: runtime.backup,
        restore: runtime.restore,
        'restore-test': runtime.restoreTest,
        cleanup: runtime.cleanup,
      },
      deadLetters: runtime.schedules.deadLetters,
      action: new SnsAction(this.alerts.topic),
    });
    new Overview(this, 'Overview', { name: config.aws.name, targets: config.targets, alarms: this.alarms.all });
    new CfnOutput(this, 'AlertTopicArn', { description: 'Failures and alarms', value: this.alerts.topic.topicArn });
  }
}
