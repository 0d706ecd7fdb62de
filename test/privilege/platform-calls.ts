import type { Json } from '../../lib/local/json.ts';
import { asJsonObject } from '../../lib/local/json.ts';
import type { ReadResource } from '../../lib/local/read-model.ts';
import { localAccount } from '../../lib/local/resources/resource.ts';
import type { Request } from './evaluate.ts';
import type { Policies } from './policies.ts';

/** A call that AWS makes by itself, under a role of the app or as a service, and so cannot be recorded on one machine. */
export type PlatformCall = Request & { readonly because: string };

type Rule = {
  readonly type: string;
  /** Who makes the calls and why; each call is an action and the resources on which it is made. */
  readonly calls: (resource: ReadResource, policies: Policies) => readonly PlatformCall[];
};

/**
 * Everything that AWS itself will ask IAM for on behalf of this app: derived from the templates, so that a function or task more needs
 * nothing here. These calls are judged like recorded ones: they must be allowed, and what only they use is used.
 */
export function platformCalls(policies: Policies): PlatformCall[] {
  return rules.flatMap((rule) =>
    policies.resources.filter(({ type }) => type === rule.type).flatMap((resource) => rule.calls(resource, policies)),
  );
}

const rules: readonly Rule[] = [
  {
    type: 'AWS::Lambda::Function',
    calls: ({ property, ref }, { model, roles }) => {
      const role = String(property('Role'));
      const group = at(property('LoggingConfig'), 'LogGroup') ?? `/aws/lambda/${ref}`;
      const environment = asJsonObject(at(property('Environment'), 'Variables'));
      const isInVpc = property('VpcConfig') !== undefined;
      const framework = environment['USER_ON_EVENT_FUNCTION_ARN'];
      const databases = environment['HOLDFAST_CATALOG_AUTH'] === 'iam' ? model.databases : [];
      const isKnownRole = roles.some(({ arn }) => arn === role);
      if (!isKnownRole) return [];
      return [
        ...writesLog(role, String(group), model.region, 'Lambda writes what a function prints under its role'),
        ...(isInVpc
          ? of(
              role,
              networkInterfaces,
              ['*'],
              'Lambda makes the network interfaces of a function in a VPC under its role',
            )
          : []),
        ...of(
          role,
          ['rds-db:connect'],
          databases.map(
            ({ resourceId }) =>
              `arn:aws:rds-db:${model.region}:${localAccount}:dbuser:${resourceId}/${environment['HOLDFAST_CATALOG_USER']}`,
          ),
          'RDS checks who logs in by a token, which is signed without a call; the local database takes none',
        ),
        ...of(
          role,
          ['sqs:SendMessage'],
          [at(property('DeadLetterConfig'), 'TargetArn') ?? []].flat().map(String),
          'Lambda keeps an event that a function failed on, under its role',
        ),
        ...(framework === undefined
          ? []
          : of(
              role,
              ['lambda:InvokeFunction', 'lambda:GetFunction'],
              [String(framework)],
              "CDK's provider framework waits for the function that answers, and invokes it; the local stack does so itself",
            )),
      ];
    },
  },
  {
    type: 'AWS::ECS::TaskDefinition',
    calls: ({ property }, { model }) => {
      const role = String(property('ExecutionRoleArn'));
      const container = asJsonObject((property('ContainerDefinitions') as readonly Json[])[0]);
      const group = String(at(at(container['LogConfiguration'], 'Options'), 'awslogs-group'));
      const repository = String(container['Image'])
        .replace(/^[^/]*\//, '')
        .replace(/[:@].*$/, '');
      const image = `arn:aws:ecr:${model.region}:${localAccount}:repository/${repository}`;
      return [
        ...writesLog(role, group, model.region, 'ECS writes what a task prints under its execution role'),
        ...of(role, ['ecr:GetAuthorizationToken'], ['*'], 'ECS logs in to the registry for the image'),
        ...of(
          role,
          ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
          [image],
          'ECS pulls the image',
        ),
      ];
    },
  },
  {
    type: 'AWS::StepFunctions::StateMachine',
    calls: ({ property, ref }, { model }) => {
      const role = String(property('RoleArn'));
      const definition = model.machines.find(({ arn }) => arn === ref)?.definition ?? {};
      const runsTasks = JSON.stringify(definition).includes('arn:aws:states:::ecs:runTask.sync');
      const [cluster] = model.clusters;
      const rule = `arn:aws:events:${model.region}:${localAccount}:rule/StepFunctionsGetEventsForECSTaskRule`;
      return [
        ...(runsTasks
          ? [
              ...of(
                role,
                ['ecs:DescribeTasks', 'ecs:StopTask'],
                [`arn:aws:ecs:${model.region}:${localAccount}:task/${cluster?.name}/0123456789abcdef`],
                'Step Functions looks after the task that it waits for, and stops it when the execution is',
              ),
              ...of(
                role,
                ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
                [rule],
                'Step Functions hears of the end of a task by a rule that it manages',
              ),
            ]
          : []),
        ...(property('LoggingConfiguration') === undefined
          ? []
          : of(
              role,
              logDelivery,
              ['*'],
              'Step Functions sets up the delivery of its log under the role of the machine',
            )),
      ];
    },
  },
  {
    type: 'AWS::Scheduler::Schedule',
    calls: ({ property }) => {
      const target = property('Target');
      const queue = at(at(target, 'DeadLetterConfig'), 'Arn');
      return queue === undefined
        ? []
        : of(
            String(at(target, 'RoleArn')),
            ['sqs:SendMessage'],
            [String(queue)],
            'Scheduler keeps what it could not start',
          );
    },
  },
  {
    type: 'AWS::EC2::FlowLog',
    calls: ({ property }, { model }) => [
      ...writesLog(
        String(property('DeliverLogsPermissionArn')),
        String(property('LogGroupName')),
        model.region,
        'VPC flow logs are written under a role of theirs',
      ),
      ...of(
        String(property('DeliverLogsPermissionArn')),
        ['logs:DescribeLogStreams'],
        [logStream(String(property('LogGroupName')), model.region)],
        'VPC flow logs are written under a role of theirs',
      ),
    ],
  },
  {
    type: 'AWS::CloudWatch::Alarm',
    calls: ({ property, ref }, { model }) =>
      ['AlarmActions', 'OKActions', 'InsufficientDataActions'].flatMap((name) =>
        ((property(name) ?? []) as readonly Json[])
          .filter((arn) => String(arn).startsWith('arn:aws:sns:'))
          .map((arn) => ({
            principal: 'cloudwatch.amazonaws.com',
            action: 'sns:Publish',
            resource: String(arn),
            context: { 'aws:SourceArn': `arn:aws:cloudwatch:${model.region}:${localAccount}:alarm:${ref}` },
            because: 'CloudWatch tells of an alarm',
          })),
      ),
  },
  {
    type: 'AWS::Events::Rule',
    calls: ({ property, ref }, { model }) =>
      ((property('Targets') ?? []) as readonly Json[]).map((target) => {
        const resource = String(at(target, 'Arn'));
        const actions: Readonly<Record<string, string>> = {
          sns: 'sns:Publish',
          sqs: 'sqs:SendMessage',
          lambda: 'lambda:InvokeFunction',
        };
        return {
          principal: String(at(target, 'RoleArn') ?? 'events.amazonaws.com'),
          action: actions[resource.split(':')[2] ?? ''] ?? 'states:StartExecution',
          resource,
          context: { 'aws:SourceArn': `arn:aws:events:${model.region}:${localAccount}:rule/${ref}` },
          because: 'EventBridge calls the targets of a rule',
        };
      }),
  },
  {
    type: 'AWS::SNS::Subscription',
    calls: ({ property }) =>
      property('Protocol') !== 'lambda'
        ? []
        : [
            ...[at(property('RedrivePolicy'), 'deadLetterTargetArn') ?? []].flat().map((queue) => ({
              principal: 'sns.amazonaws.com',
              action: 'sqs:SendMessage',
              resource: String(queue),
              context: { 'aws:SourceArn': String(property('TopicArn')) },
              because: 'SNS keeps what it could not deliver to a subscriber',
            })),
            {
              principal: 'sns.amazonaws.com',
              action: 'lambda:InvokeFunction',
              resource: String(property('Endpoint')),
              context: { 'aws:SourceArn': String(property('TopicArn')) },
              because: 'SNS invokes a function that subscribes',
            },
          ],
  },
];

const networkInterfaces = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

const logDelivery = [
  'logs:CreateLogDelivery',
  'logs:GetLogDelivery',
  'logs:UpdateLogDelivery',
  'logs:DeleteLogDelivery',
  'logs:ListLogDeliveries',
  'logs:PutResourcePolicy',
  'logs:DescribeResourcePolicies',
  'logs:DescribeLogGroups',
];

function of(
  principal: string,
  actions: readonly string[],
  resources: readonly string[],
  because: string,
): PlatformCall[] {
  return resources.flatMap((resource) =>
    actions.map((action) => ({ principal, action, resource, context: {}, because })),
  );
}

function writesLog(principal: string, group: string, region: string, because: string): PlatformCall[] {
  return of(principal, ['logs:CreateLogStream', 'logs:PutLogEvents'], [logStream(group, region)], because);
}

const logStream = (group: string, region: string): string =>
  `arn:aws:logs:${region}:${localAccount}:log-group:${group}:log-stream:2026/11/21`;

function at(value: Json | undefined, name: string): Json | undefined {
  return asJsonObject(value)[name];
}
