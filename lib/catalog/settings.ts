import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import type { CatalogSettings } from './connect.ts';

/** What the CDK app tells the catalog's function: where the server is, and how to get in. */
const environmentSchema = z
  .object({
    HOLDFAST_CATALOG_HOST: z.string().min(1),
    HOLDFAST_CATALOG_PORT: z.coerce.number().int().min(1).max(65535).default(5432),
    HOLDFAST_CATALOG_DATABASE: z.string().min(1),
    HOLDFAST_CATALOG_USER: z.string().min(1),
    HOLDFAST_CATALOG_AUTH: z.enum(['iam', 'reference']),
    AWS_REGION: z.string().min(1).optional(),
  })
  .refine((variables) => variables.HOLDFAST_CATALOG_AUTH !== 'iam' || variables.AWS_REGION !== undefined, {
    path: ['AWS_REGION'],
    error: 'is needed to log in with IAM',
  });

/**
 * The catalog's settings from the function's environment. `password` is called only when the environment says that a reference has the
 * password. Throws `config-invalid`, naming the variable.
 */
export async function catalogSettings(
  environment: Readonly<Record<string, string | undefined>>,
  existing: { readonly password: () => Promise<string | undefined>; readonly tls?: CatalogSettings['tls'] },
): Promise<CatalogSettings> {
  const parsed = environmentSchema.safeParse(environment);
  if (!parsed.success) throw new HoldfastError('config-invalid', `environment: ${z.prettifyError(parsed.error)}`);
  const variables = parsed.data;
  const isReference = variables.HOLDFAST_CATALOG_AUTH === 'reference';
  const password = isReference ? await existing.password() : undefined;
  return {
    host: variables.HOLDFAST_CATALOG_HOST,
    port: variables.HOLDFAST_CATALOG_PORT,
    database: variables.HOLDFAST_CATALOG_DATABASE,
    user: variables.HOLDFAST_CATALOG_USER,
    auth: isReference
      ? { kind: 'password', ...(password !== undefined && { password }) }
      : { kind: 'iam', region: variables.AWS_REGION ?? '' },
    ...(isReference && existing.tls !== undefined && { tls: existing.tls }),
  };
}
