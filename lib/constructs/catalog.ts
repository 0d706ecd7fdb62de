import { resolve } from 'node:path';
import { CustomResource, Duration, FileSystem, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import type { Permission } from './allow.ts';
import type { Bundle } from './bundle.ts';
import { BundledFunction } from './bundled-function.ts';
import { CatalogDatabase } from './catalog-database.ts';
import { customResourceProvider } from './custom-resource-provider.ts';
import type { Network } from './network.ts';
import { readSecrets } from './secrets.ts';

export type CatalogProps = {
  readonly bundle: Bundle;
  readonly network: Network;
  /** An existing PostgreSQL server. @default - one is made on RDS */
  readonly existing?: HoldfastConfig['catalog']['connection'];
};

const migrationsDirectory = resolve(import.meta.dirname, '../../sql/migrations');

/**
 * The catalog: its database, the one function that talks to it (the only thing beside the server in the database's subnets), and its
 * migrations, which run before anything that deploys after this.
 */
export class Catalog extends Construct {
  readonly function: BundledFunction;

  constructor(scope: Construct, id: string, { bundle, network, existing }: CatalogProps) {
    super(scope, id);
    const securityGroup = new SecurityGroup(this, 'FunctionSecurityGroup', {
      vpc: network.vpc,
      description: 'Holdfast catalog: the function',
      allowAllOutbound: false,
    });
    const server =
      existing === undefined ? this.#database(network, securityGroup) : this.#adopted(existing, securityGroup);
    this.function = new BundledFunction(this, 'Function', {
      bundle,
      program: 'catalog',
      description: 'The only door to the catalog: records, reads, migrates',
      // Three tries to connect of 20 s each, and a migration after them.
      timeout: Duration.minutes(5),
      permissions: server.permissions,
      environment: server.environment,
      network: { vpc: network.vpc, subnets: { subnets: [...network.databaseSubnets] }, securityGroup },
    });
    this.#migrate();
  }

  #database(network: Network, client: SecurityGroup): Server {
    const database = new CatalogDatabase(this, 'Database', { network });
    database.admit(client);
    return { environment: database.environment, permissions: [database.connectPermission] };
  }

  #adopted(connection: NonNullable<CatalogProps['existing']>, client: SecurityGroup): Server {
    client.addEgressRule(Peer.anyIpv4(), Port.tcp(connection.port), 'the catalog server named in the configuration');
    const secrets = readSecrets(Stack.of(this), [connection.password]);
    if (secrets.length > 0) client.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'Secrets Manager');
    return {
      environment: {
        HOLDFAST_CATALOG_HOST: connection.host,
        HOLDFAST_CATALOG_PORT: String(connection.port),
        HOLDFAST_CATALOG_DATABASE: connection.database,
        HOLDFAST_CATALOG_USER: connection.user,
        HOLDFAST_CATALOG_AUTH: 'reference',
      },
      permissions: secrets,
    };
  }

  /** Runs `migrate` when a migration was added. The provider's own function answers CloudFormation, which ours has no way to reach. */
  #migrate(): void {
    const provider = customResourceProvider(this, 'MigrationProvider', {
      logId: 'MigrationLog',
      onEvent: this.function,
    });
    new CustomResource(this, 'Migrations', {
      resourceType: 'Custom::HoldfastCatalogMigrations',
      serviceToken: provider.serviceToken,
      properties: { migrations: FileSystem.fingerprint(migrationsDirectory) },
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }
}

type Server = {
  readonly environment: Readonly<Record<string, string>>;
  readonly permissions: readonly Permission[];
};
