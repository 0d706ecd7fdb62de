import { CfnOutput, Fn, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import type { Bundle } from '../constructs/bundle.ts';
import { Catalog } from '../constructs/catalog.ts';
import { Network } from '../constructs/network.ts';

export type CatalogStackProps = StackProps & { readonly config: HoldfastConfig; readonly bundle: Bundle };

/** The index of what the vault holds, and the network that it and the tasks share. Can be rebuilt; protected all the same. */
export class CatalogStack extends Stack {
  readonly network: Network;
  readonly catalog: Catalog;

  constructor(scope: Construct, id: string, { config, bundle, ...props }: CatalogStackProps) {
    super(scope, id, { terminationProtection: true, ...props });
    this.network = new Network(this, 'Network', config.aws.vpc === undefined ? {} : { existing: config.aws.vpc });
    this.catalog = new Catalog(this, 'Catalog', {
      bundle,
      network: this.network,
      ...(config.catalog.connection === undefined ? {} : { existing: config.catalog.connection }),
    });
    new CfnOutput(this, 'CatalogFunctionName', {
      description: 'Invoke it to read, rebuild or migrate the catalog',
      value: this.catalog.function.function.functionName,
    });
  }

  /** Zones are chosen when the stack is deployed. CDK would ask the account for their names, and could not be run offline. */
  override get availabilityZones(): string[] {
    return [0, 1].map((index) => Fn.select(index, Fn.getAzs()));
  }
}
