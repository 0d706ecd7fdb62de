import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { acknowledge } from '../../lib/checks/acknowledge.ts';
import { appOf, ordinary, withServices } from './synthesize.ts';

const receiving = ordinary.replace('    backups:\n', '    wal: { receive: true }\n    backups:\n');

const existing = `
store: { kind: s3, bucket: my-vault, prefix: holdfast/ }
encryption: { keys: kms, kmsKey: "arn:aws:kms:eu-central-1:111122223333:key/4f1d6a5e-0000-4000-8000-000000000000" }
aws:
  account: "111122223333"
  vpc: { id: vpc-0a1b2c3d4e5f60718, availabilityZones: [eu-central-1a, eu-central-1b], taskSubnets: [subnet-0a1b2c3d4e5f60711, subnet-0a1b2c3d4e5f60712], databaseSubnets: [subnet-0a1b2c3d4e5f60713, subnet-0a1b2c3d4e5f60714] }
catalog: { connection: { host: catalog.internal, password: { secret: prod/catalog } } }
targets:
  - name: orders
    engine: postgres
    connection: { host: db.internal, user: backup, password: { secret: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders-AbCdEf" } }
`;

for (const [what, config] of Object.entries({
  'that makes everything': ordinary,
  'on existing things': existing,
  'that receives WAL': receiving,
  'that stops services': withServices,
})) {
  test(`an installation ${what} satisfies CloudFormation's validator, and cdk-nag but for what is acknowledged`, () => {
    const { app } = appOf(config, { validate: true });
    app.synth();

    const report = new AwsSolutionsChecks(app).validateScope(app);

    assert.deepEqual(
      report.violations.map(({ ruleName, violatingResources }) => [ruleName, violatingResources[0]?.constructPath]),
      [],
    );
  });

  test(`no acknowledgement of an installation ${what} is stale`, () => {
    const { app } = appOf(config);
    app.synth();
    const findings = everyFinding(app);

    const stale = acknowledgements(app).filter(
      ({ path, id }) => !findings.some(({ rule, at }) => rule === id && (at === path || at.startsWith(`${path}/`))),
    );

    assert.deepEqual(stale, []);
  });
}

test('an acknowledgement without a proper reason is refused', () => {
  const stack = new Stack(new App(), 'Stack');
  const bucket = new Bucket(stack, 'Bucket');

  assert.throws(() => acknowledge(bucket, 'AwsSolutions-S1', 'not needed'), {
    name: 'internal',
    message: "'Stack/Bucket' acknowledges 'AwsSolutions-S1' without a proper reason",
  });
});

type Acknowledged = { readonly path: string; readonly id: string };

function acknowledgements(root: IConstruct): Acknowledged[] {
  return root.node.findAll().flatMap((construct) =>
    construct.node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.keys(data as Record<string, string>))
      .map((id) => ({ path: construct.node.path, id: id.replace(/^annotation::/i, '') }))
      // The others are of CDK's own warnings.
      .filter(({ id }) => id.startsWith('AwsSolutions-')),
  );
}

/** What cdk-nag would say if nothing were acknowledged. */
function everyFinding(root: IConstruct): { readonly rule: string; readonly at: string }[] {
  const checks = new AwsSolutionsChecks();
  Object.defineProperty(checks, 'isAcknowledged', { value: () => false });
  return checks
    .validateScope(root)
    .violations.flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => ({ rule: ruleName, at: constructPath ?? '' })),
    );
}
