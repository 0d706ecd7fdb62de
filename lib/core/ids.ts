import { randomBytes } from 'node:crypto';
import * as z from 'zod';

/** `20261121T020000Z-9f3c2a1b`: begins with its UTC time, so that ids sort by age; the tail tells runs of one second apart. */
export const backupIdSchema = z
  .string()
  .regex(/^\d{8}T\d{6}Z-[0-9a-f]{8}$/, 'is not a backup id')
  .brand<'BackupId'>();
export type BackupId = z.infer<typeof backupIdSchema>;

/** A target's name: safe as an object key segment, a Step Functions name and a metric dimension. */
export const targetNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, "is not a target name: small letters, digits and '-', 40 at most")
  .brand<'TargetName'>();
export type TargetName = z.infer<typeof targetNameSchema>;

/** A tenant's name. The catalog knows a tenant by its hash. */
export const tenantNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, "is not a tenant's name: small letters, digits and '-', 40 at most");

/** A new id for an operation (backup or recovery) that is asked for at `at`. Without `tail` it is random. */
export function newOperationId(at: Date, tail: string = randomBytes(4).toString('hex')): BackupId {
  return backupIdSchema.parse(`${compactTime(at)}-${tail}`);
}

/** The UTC time at which an id was made. */
export function timeOfId(id: BackupId): Date {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(id) ?? [];
  return new Date(Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s)));
}

/** `2026-11-21T02:00:00.123Z` as `20261121T020000Z`: free of the characters that keys and execution names forbid. */
export function compactTime(at: Date): string {
  return `${at.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}
