import { BUNDLING_STACKS } from 'aws-cdk-lib/cx-api';
import { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import { CatalogStack } from '../stacks/catalog-stack.ts';
import { RuntimeStack } from '../stacks/runtime-stack.ts';
import { VaultStack } from '../stacks/vault-stack.ts';
import { WatchStack } from '../stacks/watch-stack.ts';
import { Bundle } from './bundle.ts';
import { Vault } from './vault.ts';

export type HoldfastProps = {
  /** What is protected and how, as `loadConfig` gives it. */
  readonly config: HoldfastConfig;
};

/**
 * All of Holdfast, as stacks by lifetime: the vault is for ever, the catalog for long, the runtime is replaced at will, and the watch looks
 * at it from outside. References go one way, vault → catalog → runtime → watch.
 */
export class Holdfast extends Construct {
  /** Undefined when the configuration names an existing bucket and key. */
  readonly vault: VaultStack | undefined;
  readonly catalog: CatalogStack;
  readonly runtime: RuntimeStack;
  readonly watch: WatchStack;

  constructor(scope: Construct, id: string, { config }: HoldfastProps) {
    super(scope, id);
    const { name, account, region } = config.aws;
    const env = { region, ...(account === undefined ? {} : { account }) };
    // CDK's own way to say that nobody will look at the assets: `cdk list`, and tests of templates.
    const bundledStacks: unknown = this.node.tryGetContext(BUNDLING_STACKS);
    const bundle = new Bundle(config, { withCode: !(Array.isArray(bundledStacks) && bundledStacks.length === 0) });
    const of = (stack: string, description: string) => ({
      env,
      config,
      stackName: `${name}-${stack}`,
      description: `Holdfast: ${description}`,
    });
    if (Vault.isMade(config))
      this.vault = new VaultStack(this, 'Vault', of('vault', 'the bucket and the key that backups depend on'));
    this.catalog = new CatalogStack(this, 'Catalog', { ...of('catalog', 'the index of all backups'), bundle });
    this.runtime = new RuntimeStack(this, 'Runtime', {
      ...of('runtime', 'tasks, functions, state machines, schedules, API'),
      bundle,
      ...(this.vault === undefined ? {} : { vault: this.vault.vault }),
      network: this.catalog.network,
      catalog: this.catalog.catalog.function,
    });
    this.watch = new WatchStack(this, 'Watch', {
      ...of('watch', 'alarms, alerts, dashboard'),
      bundle,
      ...(this.vault === undefined ? {} : { vault: this.vault.vault }),
      runtime: this.runtime,
    });
  }
}
