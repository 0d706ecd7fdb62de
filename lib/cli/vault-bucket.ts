import type { HoldfastConfig } from '../config/config.ts';
import { HoldfastError } from '../core/errors.ts';

/**
 * The configuration with the bucket that the Vault stack made filled in, where it names none. Asked of CloudFormation, because naming that
 * bucket in the configuration would take it for one of the user's own, and the next deployment would no longer look after it. `HOLDFAST_BUCKET`
 * says it when the stack is gone. Throws `config-invalid` when neither knows.
 */
export async function withVaultBucket(
  config: HoldfastConfig,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<HoldfastConfig> {
  const { store } = config;
  if (store.kind !== 's3' || store.bucket !== undefined) return config;
  const bucket = environment['HOLDFAST_BUCKET'] ?? (await bucketOfStack(`${config.aws.name}-vault`, config.aws.region));
  return { ...config, store: { ...store, bucket } };
}

async function bucketOfStack(stack: string, region: string): Promise<string> {
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient({ region });
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }));
    const bucket = Stacks[0]?.Outputs?.find(({ OutputKey }) => OutputKey === 'BucketName')?.OutputValue;
    if (bucket !== undefined) return bucket;
    throw new Error('it has no output BucketName');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError('config-invalid', `the stack '${stack}' in '${region}' does not say its bucket: ${why}`, {
      cause,
      hint: "deploy it ('npx cdk deploy --all'), or name the bucket in HOLDFAST_BUCKET",
    });
  } finally {
    client.destroy();
  }
}
