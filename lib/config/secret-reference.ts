import * as z from 'zod';

/** Where a password is found. The password itself never stands in configuration, templates or environment of a task. */
export const secretReferenceSchema = z
  .union(
    [
      z.strictObject({
        secret: z.string().min(1).describe('Name or ARN in Secrets Manager'),
        field: z.string().default('password').describe('Which field, when the secret is a JSON object'),
      }),
      z.strictObject({ env: z.string().min(1).describe('An environment variable; on the local stack only') }),
      z.strictObject({ file: z.string().min(1).describe('A file, relative to this one, readable by its owner only') }),
    ],
    { error: 'must be a reference, { secret: name }, { env: NAME } or { file: path }, and never the password itself' },
  )
  .describe('A reference to a password: { secret }, { env } or { file }');
export type SecretReference = z.infer<typeof secretReferenceSchema>;
