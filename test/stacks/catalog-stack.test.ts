import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ordinary, statementsOf, templatesOf } from './synthesize.ts';

const { catalog } = templatesOf();

test('the database is encrypted, backed up, kept, and has no password', () => {
  catalog.hasResource('AWS::RDS::DBInstance', {
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      StorageEncrypted: true,
      DeletionProtection: true,
      BackupRetentionPeriod: 14,
      PubliclyAccessible: false,
      EnableIAMDatabaseAuthentication: true,
      MasterUserAuthenticationType: 'iam-db-auth',
    },
  });
  const [instance] = Object.values(catalog.findResources('AWS::RDS::DBInstance'));
  assert.equal(instance?.['Properties'].MasterUserPassword, undefined);
  catalog.resourceCountIs('AWS::SecretsManager::Secret', 0);
});

test("only the function's security group reaches the database, and the function reaches nothing else", () => {
  const rules = (type: string): unknown[] =>
    Object.values(catalog.findResources(type)).map(({ Properties }) => [Properties.FromPort, Properties.ToPort]);

  assert.deepEqual(rules('AWS::EC2::SecurityGroupIngress'), [[5432, 5432]]);
  assert.deepEqual(rules('AWS::EC2::SecurityGroupEgress'), [[5432, 5432]]);
  const written = JSON.stringify(Object.values(catalog.findResources('AWS::EC2::SecurityGroup')));
  // The database's, in CDK's way of writing "nowhere": CloudFormation takes an empty list for "everywhere", unless a rule stands beside it.
  assert.deepEqual(written.match(/\d+\.\d+\.\d+\.\d+\/\d+/g), ['255.255.255.255/32']);
});

test('a small VPC has no NAT gateway, and no way out of the subnets of the database', () => {
  catalog.resourceCountIs('AWS::EC2::NatGateway', 0);
  const routes = Object.values(catalog.findResources('AWS::EC2::Route')).map(
    ({ Properties }) => Properties.RouteTableId.Ref as string,
  );
  assert.deepEqual(
    routes.filter((table) => table.includes('database')),
    [],
  );
});

test('the catalog function logs in as one user of one database, by IAM', () => {
  const statements = statementsOf(catalog, 'CatalogFunctionRole').filter(({ Action }) =>
    Action.some((action) => action.startsWith('rds-db:')),
  );

  assert.equal(statements.length, 1);
  assert.match(JSON.stringify(statements[0]?.Resource), /:dbuser:.*DbiResourceId.*\/holdfast"/);
});

test('migrations are run again when one was added, and never taken back', () => {
  catalog.hasResource('Custom::HoldfastCatalogMigrations', { DeletionPolicy: 'Retain' });
});

test('an existing server is used by reference, and no database is made', () => {
  const { catalog: adopted } = templatesOf(
    `${ordinary}catalog: { connection: { host: catalog.internal, port: 6432, user: holdfast, password: { secret: prod/catalog } } }\n`,
  );

  adopted.resourceCountIs('AWS::RDS::DBInstance', 0);
  adopted.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: {
        HOLDFAST_CATALOG_AUTH: 'reference',
        HOLDFAST_CATALOG_HOST: 'catalog.internal',
        HOLDFAST_CATALOG_PORT: '6432',
      },
    },
  });
  assert.match(JSON.stringify(statementsOf(adopted, 'CatalogFunctionRole')), /secret:prod\/catalog-\?{6}/);
});
