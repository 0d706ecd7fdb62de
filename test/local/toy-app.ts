import { join } from 'node:path';
import { App, Aws, CustomResource, Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as events from 'aws-cdk-lib/aws-events';
import * as eventTargets from 'aws-cdk-lib/aws-events-targets';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import * as schedulerTargets from 'aws-cdk-lib/aws-scheduler-targets';
import * as secrets from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import * as tasks from 'aws-cdk-lib/aws-stepfunctions-tasks';

const toy = (name: string): string => join(import.meta.dirname, 'toy', name);

/** Two stacks with one of everything that the local stack plays, except a database. Synthesizes into `directory`. */
export function synthesizeToyApp(
  directory: string,
  options: { readonly webhook?: string; readonly version?: string; readonly hookLog?: string } = {},
): void {
  const app = new App({ outdir: directory, analyticsReporting: false });
  const base = new Stack(app, 'ToyBase');
  const key = new kms.Key(base, 'Key', { alias: 'toy' });
  const secret = new secrets.Secret(base, 'Secret', {
    secretName: 'toy/password',
    generateSecretString: { secretStringTemplate: '{"username":"toy"}', generateStringKey: 'password' },
  });

  const stack = new Stack(app, 'Toy');
  const greet = new lambda.Function(stack, 'Greet', {
    functionName: 'toy-greet',
    runtime: lambda.Runtime.NODEJS_22_X,
    handler: 'index.handler',
    code: lambda.Code.fromAsset(toy('greet')),
    timeout: Duration.seconds(5),
    environment: { GREETING: 'hello', KEY: key.keyArn, SECRET: secret.secretArn, REGION: Aws.REGION },
  });
  const hook = new lambda.Function(stack, 'Hook', {
    runtime: lambda.Runtime.NODEJS_22_X,
    handler: 'index.handler',
    code: lambda.Code.fromAsset(toy('hook')),
    timeout: Duration.minutes(1),
    environment: { HOOK_LOG: options.hookLog ?? '/dev/null' },
  });
  new CustomResource(stack, 'Prepared', {
    serviceToken: hook.functionArn,
    resourceType: 'Custom::Prepare',
    properties: { version: options.version ?? '1' },
  });

  const vpc = new ec2.Vpc(stack, 'Vpc', {
    maxAzs: 1,
    natGateways: 0,
    restrictDefaultSecurityGroup: false,
    subnetConfiguration: [{ name: 'public', subnetType: ec2.SubnetType.PUBLIC }],
  });
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc });
  const definition = new ecs.FargateTaskDefinition(stack, 'Task', { family: 'toy-task' });
  const container = definition.addContainer('main', {
    image: ecs.ContainerImage.fromAsset(toy('task')),
    stopTimeout: Duration.seconds(5),
    environment: { TOY_FOLDER: '/opt/toy/data' },
  });
  const runTask = new tasks.EcsRunTask(stack, 'Work in a task', {
    cluster,
    taskDefinition: definition,
    launchTarget: new tasks.EcsFargateLaunchTarget(),
    integrationPattern: sfn.IntegrationPattern.RUN_JOB,
    assignPublicIp: true,
    subnets: { subnetType: ec2.SubnetType.PUBLIC },
    containerOverrides: [
      {
        containerDefinition: container,
        command: sfn.JsonPath.listAt('$.command') as string[],
        environment: [{ name: 'TOY_RUN', value: sfn.JsonPath.jsonToString(sfn.JsonPath.objectAt('$.run')) }],
      },
    ],
    resultPath: '$.task',
    taskTimeout: sfn.Timeout.duration(Duration.minutes(4)),
  });
  const ask = new tasks.LambdaInvoke(stack, 'Ask for a greeting', {
    lambdaFunction: greet,
    payload: sfn.TaskInput.fromObject({
      name: sfn.JsonPath.stringAt('$.name'),
      fail: sfn.JsonPath.stringAt('$.fail'),
      execution: sfn.JsonPath.stringAt('$$.Execution.Name'),
    }),
    resultSelector: { 'greeting.$': '$.Payload.greeting' },
    resultPath: '$.asked',
    retryOnServiceExceptions: false,
    taskTimeout: sfn.Timeout.duration(Duration.minutes(1)),
  });
  ask.addCatch(
    new sfn.Pass(stack, 'Remember the failure', {
      parameters: {
        'caught.$': '$.caught',
        'redriveCount.$': '$$.Execution.RedriveCount',
        'input.$': '$$.Execution.Input',
      },
    }).next(new sfn.Fail(stack, 'Give up', { errorPath: '$.caught.Error', causePath: '$.caught.Cause' })),
    { resultPath: '$.caught' },
  );
  const machine = new sfn.StateMachine(stack, 'Machine', {
    stateMachineName: 'toy-machine',
    timeout: Duration.minutes(5),
    definitionBody: sfn.DefinitionBody.fromChainable(ask.next(runTask).next(new sfn.Succeed(stack, 'Done'))),
  });

  const deadLetters = new sqs.Queue(stack, 'DeadLetters', { queueName: 'toy-dead-letters' });
  new scheduler.Schedule(stack, 'Nightly', {
    scheduleName: 'toy-nightly',
    schedule: scheduler.ScheduleExpression.expression(
      'cron(30 2 * * ? *)',
      // The zone has daylight saving, which tests look at.
      { timezoneName: 'Europe/Berlin' } as never,
    ),
    target: new schedulerTargets.StepFunctionsStartExecution(machine, {
      input: scheduler.ScheduleTargetInput.fromObject({
        name: 'night',
        fail: '',
        at: scheduler.ContextAttribute.scheduledTime,
      }),
      deadLetterQueue: deadLetters,
      retryAttempts: 0,
    }),
  });

  const topic = new sns.Topic(stack, 'Topic', { topicName: 'toy-topic' });
  topic.addSubscription(new subscriptions.EmailSubscription('ops@example.org'));
  if (options.webhook !== undefined)
    topic.addSubscription(
      new subscriptions.UrlSubscription(options.webhook, { protocol: sns.SubscriptionProtocol.HTTP }),
    );
  new events.Rule(stack, 'Rule', {
    eventPattern: { source: ['toy'], detailType: ['Toy Failed'] },
    targets: [
      new eventTargets.SnsTopic(topic, {
        message: events.RuleTargetInput.fromText(`failed: ${events.EventField.fromPath('$.detail.why')}`),
      }),
    ],
  });
  app.synth();
}
