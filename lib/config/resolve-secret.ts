import { readFile, stat } from 'node:fs/promises';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { HoldfastError } from '../core/errors.ts';
import type { Environment } from './environment.ts';
import { promptClient } from './prompt-client.ts';
import type { SecretReference } from './secret-reference.ts';

/**
 * The password that a reference names. Throws `secret-missing`, naming the reference and never its content. A file must be readable
 * by its owner only.
 */
export async function resolveSecret(
  reference: SecretReference,
  {
    environment,
    secrets = () => new SecretsManagerClient(promptClient()),
  }: { readonly environment: Environment; readonly secrets?: () => SecretsManagerClient },
): Promise<string> {
  if ('env' in reference) {
    const value = environment[reference.env];
    if (value) return value;
    throw new HoldfastError('secret-missing', `environment variable '${reference.env}' is not set or empty`);
  }
  if ('file' in reference) return fromFile(reference.file);
  return fromSecretsManager(reference, secrets());
}

async function fromFile(file: string): Promise<string> {
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0) {
      throw new HoldfastError('secret-missing', `password file '${file}' may be read by others`, {
        hint: `chmod 600 '${file}'`,
      });
    }
    const text = (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
    if (text !== '') return text;
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    throw new HoldfastError('secret-missing', `password file '${file}' cannot be read`, { cause });
  }
  throw new HoldfastError('secret-missing', `password file '${file}' is empty`);
}

/** What Secrets Manager says of the secret itself; anything else (throttling, a network that is away) may pass. */
const lastingFaults: ReadonlySet<string> = new Set([
  'ResourceNotFoundException',
  'AccessDeniedException',
  'DecryptionFailure',
  'InvalidParameterException',
  'InvalidRequestException',
  'CredentialsProviderError',
  'UnrecognizedClientException',
  'InvalidSignatureException',
]);

async function fromSecretsManager(
  reference: { readonly secret: string; readonly field: string },
  client: SecretsManagerClient,
): Promise<string> {
  let text: string | undefined;
  try {
    ({ SecretString: text } = await client.send(new GetSecretValueCommand({ SecretId: reference.secret })));
  } catch (cause) {
    // The SDK names what AWS answers; what it finds missing itself has a sentence only.
    const why = !(cause instanceof Error) ? 'unknown error' : cause.name === 'Error' ? cause.message : cause.name;
    throw new HoldfastError(
      lastingFaults.has(why) ? 'secret-missing' : 'secret-unavailable',
      `secret '${reference.secret}' cannot be read: ${why}`,
      { cause },
    );
  } finally {
    client.destroy();
  }
  const value = text?.trimStart().startsWith('{') ? fieldOf(text, reference) : text;
  if (value) return value;
  throw new HoldfastError('secret-missing', `secret '${reference.secret}' has no field '${reference.field}'`);
}

function fieldOf(
  text: string,
  { secret, field }: { readonly secret: string; readonly field: string },
): string | undefined {
  try {
    const value: unknown = (JSON.parse(text) as Record<string, unknown>)[field];
    return typeof value === 'string' ? value : undefined;
  } catch {
    // The parse error is not passed on: its message quotes the secret.
    throw new HoldfastError('secret-missing', `secret '${secret}' begins like a JSON object and is none`);
  }
}
