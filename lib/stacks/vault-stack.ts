import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { HoldfastConfig } from '../config/config.ts';
import { Vault } from '../constructs/vault.ts';

export type VaultStackProps = StackProps & { readonly config: HoldfastConfig };

/**
 * What must never be lost: the bucket and the key. Changes here are rare, and nothing in it is removed with the stack. Not made when the
 * configuration names an existing bucket and an existing key.
 */
export class VaultStack extends Stack {
  readonly vault: Vault;

  constructor(scope: Construct, id: string, { config, ...props }: VaultStackProps) {
    super(scope, id, { terminationProtection: true, ...props });
    this.vault = Vault.of(this, 'Vault', config);
    new CfnOutput(this, 'BucketName', {
      description: 'Where the backups are',
      value: this.vault.bucket.bucketName,
    });
    if (this.vault.keyArn !== undefined)
      new CfnOutput(this, 'KeyArn', { description: 'Wraps the key of every backup', value: this.vault.keyArn });
  }
}
