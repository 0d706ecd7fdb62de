import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import { Alerts } from '../constructs/alerts.ts';
import type { RuntimeStack } from './runtime-stack.ts';

export type WatchStackProps = StackProps & { readonly config: HoldfastConfig; readonly runtime: RuntimeStack };

/** What notices: alerts, alarms, a dashboard. It looks at the runtime from outside, and the runtime does not know of it. */
export class WatchStack extends Stack {
  readonly alerts: Alerts;

  constructor(scope: Construct, id: string, { config, runtime, ...props }: WatchStackProps) {
    super(scope, id, props);
    this.alerts = new Alerts(this, 'Alerts', {
      emails: config.alerts.emails,
      ...(config.alerts.webhook === undefined ? {} : { webhook: config.alerts.webhook }),
    });
    new CfnOutput(this, 'AlertTopicArn', { description: 'Failures and alarms', value: this.alerts.topic.topicArn });
  }
}
