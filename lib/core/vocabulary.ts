import * as z from 'zod';

/** Closed lists of domain words, used verbatim in configuration, manifests, catalog rows, metrics and the CLI. */

export const engineSchema = z.enum(['postgres', 'neo4j', 'redis', 'application']);
export type EngineName = z.infer<typeof engineSchema>;

export const tierSchema = z.enum(['daily', 'weekly', 'monthly', 'compliance', 'manual']);
export type Tier = z.infer<typeof tierSchema>;

/**
 * How a backup is taken; each engine supports some of them (lib/config/targets). `schema` is the definitions alone: a method of its own, so
 * that it has a lease, metrics and alarms of its own, and is never taken for a backup of the data. `dump` stops the server, `online` does
 * not; `files` is a whole tree; `base` is a whole cluster, file by file. `incremental` holds what changed since the newest backup that it can
 * build on, `differential` since the newest whole one.
 */
export const methodSchema = z.enum([
  'logical',
  'schema',
  'snapshot',
  'dump',
  'online',
  'files',
  'base',
  'incremental',
  'differential',
]);
export type Method = z.infer<typeof methodSchema>;

/** Does a backup of that method bring data back? One that holds definitions alone is no restorable point of anything, and is never `latest`. */
export const bringsDataBack = (method: string): boolean => method !== 'schema';

/** In which form a backup is written; which of them a method has is in lib/config/targets. */
export const formatSchema = z.enum([
  'custom',
  'sql',
  'rdb',
  'aof',
  'json',
  'cypher',
  'dump',
  'backup',
  'tar',
  'chunks',
  'base',
  'blocks',
]);
export type Format = z.infer<typeof formatSchema>;

/** `backup_status` in the catalog (fixed names). */
export const backupStatusSchema = z.enum(['REQUESTED', 'RUNNING', 'COMPLETED', 'FAILED', 'EXPIRED', 'DELETED']);
export type BackupStatus = z.infer<typeof backupStatusSchema>;

/** `verification_status` in the catalog: what is known of a backup's content beyond its having been written. */
export const verificationStatusSchema = z.enum(['PENDING', 'VALIDATED', 'VERIFIED', 'FAILED']);
export type VerificationStatus = z.infer<typeof verificationStatusSchema>;

/** How a backup was looked at: read to the last byte, read in part, or restored into a real server and examined there. */
export const validationTypeSchema = z.enum(['full', 'sample', 'restore-test']);
export type ValidationType = z.infer<typeof validationTypeSchema>;

/**
 * `validation_status` in the catalog. `FAILED`: the backup is not what it should be. `NOT_TESTABLE`: this place lacks something that the
 * backup needs, which says nothing of the backup. `ERROR`: the look itself came to no end.
 */
export const validationStatusSchema = z.enum(['RUNNING', 'PASSED', 'FAILED', 'NOT_TESTABLE', 'ERROR']);
export type ValidationStatus = z.infer<typeof validationStatusSchema>;
export const endedValidationStatusSchema = validationStatusSchema.exclude(['RUNNING']);
export type EndedValidationStatus = z.infer<typeof endedValidationStatusSchema>;

export const encryptionAlgorithmSchema = z.enum(['aes-256-gcm', 'aes-256-cbc', 'none']);
export type EncryptionAlgorithm = z.infer<typeof encryptionAlgorithmSchema>;

export const compressionSchema = z.enum(['zstd', 'gzip', 'none']);
export type Compression = z.infer<typeof compressionSchema>;

export const onConflictSchema = z.enum(['fail', 'skip', 'replace']);
export type OnConflict = z.infer<typeof onConflictSchema>;

/**
 * How a restored copy is held against the backup. `full`: every row, key or file of it is read back. `loaded`: what the destination was given has
 * the backup's digests, and it took as many; what it would give back is not looked at.
 */
export const comparisonDepthSchema = z.enum(['full', 'loaded']);
export type ComparisonDepth = z.infer<typeof comparisonDepthSchema>;
