import { ArnFormat, type Stack } from 'aws-cdk-lib';
import type { SecretReference } from '../config/secret-reference.ts';
import type { Permission } from './allow.ts';

/**
 * The permission to read those of `references` that are secrets of Secrets Manager; none when there are none. A secret named by name bears
 * six characters more in its ARN, which nobody knows beforehand.
 */
export function readSecrets(stack: Stack, references: readonly (SecretReference | undefined)[]): Permission[] {
  const names = references.flatMap((reference) =>
    reference !== undefined && 'secret' in reference ? [reference.secret] : [],
  );
  if (names.length === 0) return [];
  return [
    {
      sid: 'ReadPasswords',
      actions: ['secretsmanager:GetSecretValue'],
      resources: [...new Set(names)].sort().map((name) =>
        name.startsWith('arn:')
          ? name
          : stack.formatArn({
              service: 'secretsmanager',
              resource: 'secret',
              resourceName: `${name}-??????`,
              arnFormat: ArnFormat.COLON_RESOURCE_NAME,
            }),
      ),
    },
  ];
}
