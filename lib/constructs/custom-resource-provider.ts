import { RemovalPolicy } from 'aws-cdk-lib';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Provider } from 'aws-cdk-lib/custom-resources';
import type { Construct } from 'constructs';
import { acknowledge } from '../checks/acknowledge.ts';
import type { BundledFunction } from './bundled-function.ts';

/** What hands CloudFormation's events to a function of ours, and its answers back: the function itself may have no way to reach CloudFormation. */
export function customResourceProvider(
  scope: Construct,
  id: string,
  { logId, onEvent }: { readonly logId: string; readonly onEvent: BundledFunction },
): Provider {
  const provider = new Provider(scope, id, {
    onEventHandler: onEvent.function,
    logGroup: new LogGroup(scope, logId, {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    }),
  });
  acknowledge(
    provider,
    'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]',
    "made by CDK's provider framework, whose role we cannot write; it may only write logs",
  );
  acknowledge(
    provider,
    `AwsSolutions-IAM5[Resource::<${onEvent.logicalId}.Arn>:*]`,
    "made by CDK's provider framework: every version of the one function that it invokes",
  );
  return provider;
}
