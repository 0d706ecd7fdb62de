import { createHash } from 'node:crypto';

/**
 * The hash key of a business key, as PostgreSQL reads a bytea: `\x` and 64 hex digits.
 *
 * Normal form: each part in Unicode NFC, case and spaces kept, joined by U+001F (which no key holds), in UTF-8; SHA-256 of that.
 * In SQL: `sha256(convert_to(bk, 'UTF8'))`, for links `sha256(convert_to(a_bk || e'\x1f' || b_bk, 'UTF8'))`.
 */
export function hashKey(...parts: readonly string[]): string {
  const normal = parts.map((part) => part.normalize('NFC')).join('\u001f');
  return `\\x${createHash('sha256').update(normal, 'utf8').digest('hex')}`;
}

/** The hash key of a tenant; null is system-wide. */
export const tenantKey = (tenant: string | null): string | null => (tenant === null ? null : hashKey(tenant));
