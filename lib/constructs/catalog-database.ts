import { CfnDeletionPolicy, Stack, Token } from 'aws-cdk-lib';
import { type ISecurityGroup, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { CfnDBInstance, CfnDBSubnetGroup } from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import { acknowledge } from '../checks/acknowledge.ts';
import type { Permission } from './allow.ts';
import type { Network } from './network.ts';

export type CatalogDatabaseProps = {
  readonly network: Network;
  /** @default 17 */
  readonly engineVersion?: string;
  /** @default 'db.t4g.micro' */
  readonly instanceClass?: string;
};

const databaseName = 'holdfast';
const masterUser = 'holdfast';
const port = 5432;

/**
 * A small PostgreSQL on RDS for the catalog. Its master user logs in with IAM, so that no password of it exists anywhere, and a function in
 * subnets without a way out can still log in: tokens are signed without a call. It outlives its stack, though it is only an index: a lost
 * catalog is rebuilt from the store.
 */
export class CatalogDatabase extends Construct {
  /** How a program finds it. */
  readonly environment: Readonly<Record<string, string>>;
  /** What a role needs to log in. */
  readonly connectPermission: Permission;
  readonly #securityGroup: SecurityGroup;

  constructor(scope: Construct, id: string, { network, engineVersion = '17', instanceClass }: CatalogDatabaseProps) {
    super(scope, id);
    this.#securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc: network.vpc,
      description: 'Holdfast catalog: the database',
      allowAllOutbound: false,
    });
    const subnets = new CfnDBSubnetGroup(this, 'Subnets', {
      dbSubnetGroupDescription: 'Holdfast catalog',
      subnetIds: network.databaseSubnets.map((subnet) => subnet.subnetId),
    });
    const instance = new CfnDBInstance(this, 'Instance', {
      engine: 'postgres',
      engineVersion,
      dbInstanceClass: instanceClass ?? 'db.t4g.micro',
      allocatedStorage: '20',
      maxAllocatedStorage: 200,
      storageType: 'gp3',
      storageEncrypted: true,
      dbName: databaseName,
      port: String(port),
      masterUsername: masterUser,
      masterUserAuthenticationType: 'iam-db-auth',
      enableIamDatabaseAuthentication: true,
      dbSubnetGroupName: subnets.ref,
      vpcSecurityGroups: [this.#securityGroup.securityGroupId],
      publiclyAccessible: false,
      backupRetentionPeriod: 14,
      preferredBackupWindow: '03:30-04:00',
      preferredMaintenanceWindow: 'sun:04:30-sun:05:00',
      autoMinorVersionUpgrade: true,
      copyTagsToSnapshot: true,
      deletionProtection: true,
      enableCloudwatchLogsExports: ['postgresql', 'upgrade'],
      caCertificateIdentifier: 'rds-ca-rsa2048-g1',
    });
    instance.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN;
    instance.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
    acknowledge(
      instance,
      'AwsSolutions-RDS3',
      'a run goes on while the catalog is down and is indexed later; a second zone would double the cost of an index',
    );
    acknowledge(
      instance,
      'AwsSolutions-RDS11',
      'the port is open to one security group only, and operators reach it with psql as they expect',
    );

    this.environment = {
      HOLDFAST_CATALOG_HOST: instance.attrEndpointAddress,
      HOLDFAST_CATALOG_PORT: instance.attrEndpointPort,
      HOLDFAST_CATALOG_DATABASE: databaseName,
      HOLDFAST_CATALOG_USER: masterUser,
      HOLDFAST_CATALOG_AUTH: 'iam',
    };
    this.connectPermission = {
      sid: 'LogIntoCatalog',
      actions: ['rds-db:connect'],
      resources: [
        Stack.of(this).formatArn({
          service: 'rds-db',
          resource: `dbuser:${Token.asString(instance.attrDbiResourceId)}`,
          resourceName: masterUser,
        }),
      ],
    };
  }

  /** Opens the database's port to `client`, and `client`'s way out to that port and nothing else. */
  admit(client: ISecurityGroup): void {
    this.#securityGroup.addIngressRule(client, Port.tcp(port), 'the catalog function');
    client.addEgressRule(this.#securityGroup, Port.tcp(port), 'the catalog database');
  }
}
