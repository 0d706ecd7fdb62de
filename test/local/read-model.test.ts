// biome-ignore-all lint/suspicious/noTemplateCurlyInString: CloudFormation has its own templates
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Assembly, type AssemblyStack, readAssembly } from '../../lib/local/assembly.ts';
import type { JsonObject } from '../../lib/local/json.ts';
import { readModel } from '../../lib/local/read-model.ts';

const settings = {
  region: 'eu-central-1',
  socketRoot: '/tmp/sockets',
  functionUrlBase: 'http://127.0.0.1:8084/functions',
  queueUrlBase: 'http://127.0.0.1:9',
};

type Resources = Readonly<
  Record<string, { readonly Type: string; readonly Properties?: JsonObject; readonly Condition?: string }>
>;

function stackOf(name: string, resources: Resources, rest: Partial<AssemblyStack> = {}): AssemblyStack {
  return {
    name,
    resources: Object.entries(resources).map(([logicalId, { Type, Properties = {}, Condition }]) => ({
      logicalId,
      type: Type,
      properties: Properties,
      dependsOn: [],
      condition: Condition,
    })),
    parameters: {},
    mappings: {},
    conditions: {},
    outputs: {},
    ...rest,
  };
}

function modelOf(...stacks: AssemblyStack[]) {
  const assembly: Assembly = {
    directory: '/none',
    stacks,
    fileAssets: new Map([['abc.zip', '/assets/abc']]),
    imageAssets: new Map(),
  };
  return readModel(assembly, settings);
}

const handler = (variables: JsonObject): Resources[string] => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    Code: { S3Bucket: { 'Fn::Sub': 'cdk-assets-${AWS::AccountId}' }, S3Key: 'abc.zip' },
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
    Environment: { Variables: variables },
  },
});
const role: Resources[string] = { Type: 'AWS::IAM::Role', Properties: { Anything: { 'Fn::Unheard': 1 } } };

test('references are resolved as CloudFormation does, in whatever order resources stand', () => {
  const model = modelOf(
    stackOf(
      'Vault',
      { Key: { Type: 'AWS::KMS::Key', Properties: { EnableKeyRotation: true } } },
      { outputs: { Out: { Value: { 'Fn::GetAtt': ['Key', 'Arn'] }, Export: { Name: 'Vault:Key' } } } },
    ),
    stackOf(
      'Runtime',
      {
        Function: handler({
          JOINED: { 'Fn::Join': ['-', ['a', { Ref: 'Queue' }, { Ref: 'AWS::Partition' }]] },
          SUBBED: {
            'Fn::Sub': ['${Queue.QueueName}/${AWS::Region}/${own}/${!kept}', { own: { Ref: 'AWS::StackName' } }],
          },
          SELECTED: { 'Fn::Select': ['1', { 'Fn::Split': [':', 'a:b:c'] }] },
          IMPORTED: { 'Fn::ImportValue': 'Vault:Key' },
          CHOSEN: { 'Fn::If': ['IsHere', 'yes', 'no'] },
          LEFT: { 'Fn::If': ['IsHere', { Ref: 'AWS::NoValue' }, 'no'] },
          MAPPED: { 'Fn::FindInMap': ['Sizes', { Ref: 'AWS::Region' }, 'small'] },
          ENCODED: { 'Fn::Base64': 'abc' },
        }),
        Absent: { Type: 'AWS::Nothing::Known', Condition: 'IsElsewhere' },
        Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'letters' } },
        Role: role,
      },
      {
        mappings: { Sizes: { 'eu-central-1': { small: 3 } } },
        conditions: {
          IsHere: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'eu-central-1'] },
          IsElsewhere: { 'Fn::Not': [{ Condition: 'IsHere' }] },
        },
      },
    ),
  );

  assert.equal(model.functions[0]?.folder, '/assets/abc');
  assert.equal(model.functions[0]?.roleArn, 'arn:aws:iam::000000000000:role/Runtime-Role');
  assert.deepEqual(model.functions[0]?.environment, {
    JOINED: 'a-http://127.0.0.1:9/000000000000/letters-aws',
    SUBBED: 'letters/eu-central-1/Runtime/${kept}',
    SELECTED: 'b',
    IMPORTED: model.keys[0]?.arn,
    CHOSEN: 'yes',
    MAPPED: '3',
    ENCODED: 'YWJj',
  });
});

test('a type, a property or an intrinsic function that is not known is an error that names it', () => {
  const cases: [string, Resources][] = [
    [
      "stack 'Runtime', resource 'Table' of type 'AWS::DynamoDB::Table': the type is not known to the local stack",
      { Table: { Type: 'AWS::DynamoDB::Table' } },
    ],
    [
      "stack 'Runtime', resource 'Queue' of type 'AWS::SQS::Queue': the property 'FifoQueue' is not known to the local stack",
      { Queue: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true } } },
    ],
    [
      "stack 'Runtime', resource 'Schedule' of type 'AWS::Scheduler::Schedule': the property 'Target.SqsParameters' is not known to the local stack",
      {
        Schedule: {
          Type: 'AWS::Scheduler::Schedule',
          Properties: { ScheduleExpression: 'rate(1 day)', Target: { Arn: 'a', RoleArn: 'r', SqsParameters: {} } },
        },
      },
    ],
    [
      "stack 'Runtime', 'Function.Environment.Variables.ZONE': the intrinsic function 'Fn::GetAZs' is not known to the local stack",
      { Function: handler({ ZONE: { 'Fn::GetAZs': '' } }), Role: role },
    ],
    [
      "stack 'Runtime' refers to 'Nowhere', which is not known",
      { Function: handler({ X: { Ref: 'Nowhere' } }), Role: role },
    ],
  ];

  for (const [message, resources] of cases)
    assert.throws(() => modelOf(stackOf('Runtime', resources)), { name: 'assembly-unsupported', message });
});

test('resources that refer to each other in a circle are an error', () => {
  const resources = {
    A: handler({ B: { Ref: 'B' } }),
    B: handler({ A: { Ref: 'A' } }),
    Role: role,
  };

  assert.throws(() => modelOf(stackOf('Runtime', resources)), {
    name: 'assembly-unsupported',
    message: "stack 'Runtime' has a circle: 'A' → 'B'",
  });
});

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-assembly-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('a folder without a cloud assembly is an error that says how to make one', () => {
  assert.throws(() => readAssembly(folder), { name: 'config-missing', hint: "synthesize it with 'npx cdk synth'" });
});

test('a manifest that the CDK did not write is an error that names the file', () => {
  writeFileSync(join(folder, 'manifest.json'), '{"artifacts": []}');

  assert.throws(() => readAssembly(folder), {
    name: 'assembly-unsupported',
    message: /manifest\.json' is not as expected/,
  });
});
