import { Duration } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { type FunctionUrl, FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { allow } from './allow.ts';
import type { Bundle } from './bundle.ts';
import { BundledFunction } from './bundled-function.ts';
import type { Machine } from './machine.ts';
import type { Vault } from './vault.ts';

export type ApiProps = {
  readonly bundle: Bundle;
  readonly vault: Vault;
  readonly catalog: BundledFunction;
  readonly backup: Machine;
  /** A function URL has no other throttle. @default 10 */
  readonly reservedConcurrency?: number;
};

/** The HTTP API: a function URL that IAM lets a caller through to, or not. There is no way in without a signature. */
export class Api extends Construct {
  readonly function: BundledFunction;
  readonly url: FunctionUrl;

  constructor(scope: Construct, id: string, { bundle, vault, catalog, backup, ...props }: ApiProps) {
    super(scope, id);
    this.function = new BundledFunction(this, 'Function', {
      bundle,
      program: 'api',
      description: 'Lists backups, asks for new ones, and tells how Holdfast is',
      timeout: Duration.seconds(30),
      reservedConcurrency: props.reservedConcurrency ?? 10,
      permissions: [catalog.invokePermission('AskCatalog')],
      environment: {
        ...vault.environment,
        HOLDFAST_CATALOG_FUNCTION: catalog.arn,
        HOLDFAST_BACKUP_MACHINE: backup.arn,
      },
    });
    vault.grantList(this.function.role, 'backups', 'journal', 'health');
    vault.grantGet(this.function.role, 'manifests', 'journal', 'health');
    allow(this.function.role, { sid: 'StartBackups', actions: ['states:StartExecution'], resources: [backup.arn] });
    this.url = this.function.function.addFunctionUrl({ authType: FunctionUrlAuthType.AWS_IAM });
  }

  /** Lets `caller` call the API: two permissions, since a function URL asks for both. */
  grantCall(caller: IGrantable): void {
    this.url.grantInvokeUrl(caller);
  }
}
