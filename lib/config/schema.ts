import * as z from 'zod';
import { compressionSchema } from '../core/vocabulary.ts';
import { restoreTestsSchema } from './restore-test-schema.ts';
import { retentionRulesSchema } from './retention.ts';
import { scheduleSchema, timezoneSchema } from './schedule-schema.ts';
import { secretReferenceSchema } from './secret-reference.ts';
import { applicationTargetSchema } from './targets/application.ts';
import { neo4jTargetSchema } from './targets/neo4j.ts';
import { postgresTargetSchema } from './targets/postgres.ts';
import { redisTargetSchema } from './targets/redis.ts';

/**
 * `holdfast.yaml`, setting by setting. Defaults stand here and nowhere else; unknown keys are refused; the descriptions
 * become the JSON Schema that editors use (`holdfast.schema.json`) and the reference in docs/configuration.md.
 */
const mebibytes = 1024 * 1024;

const storeSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('s3').describe('A bucket, or a directory; BACKUP_S3_ENABLED'),
    bucket: z.string().min(3).max(63).optional().describe('An existing bucket. Left out, the Vault stack makes one.'),
    region: z.string().optional().describe("The bucket's region; aws.region when left out."),
    endpoint: z.url().optional().describe('Another S3 API, e.g. http://127.0.0.1:9000'),
    prefix: z
      .string()
      .regex(/^([\w.-]+\/)*$/, "must end in '/' and hold no empty part")
      .default('')
      .describe("Put before every key, e.g. 'holdfast/'"),
    forcePathStyle: z
      .boolean()
      .default(false)
      .describe('Bucket in the path instead of the host name; many S3 servers want it'),
  }),
  z.strictObject({
    kind: z.literal('file'),
    path: z.string().min(1).describe('A directory, relative to this file. For the local stack and small installations'),
  }),
]);

const encryptionSchema = z
  .strictObject({
    keys: z.enum(['kms', 'key-file', 'none']).describe("Who keeps the key that wraps each backup's own key"),
    keyFile: z
      .string()
      .default('holdfast.key')
      .describe('With keys: key-file, where that key is; made with mode 0600 when missing'),
    kmsKey: z.string().optional().describe('With keys: kms, an existing key ARN. Left out, the Vault stack makes one'),
    algorithm: z
      .enum(['aes-256-gcm', 'aes-256-cbc'])
      .default('aes-256-gcm')
      .describe('Of new backups; older ones stay readable. BACKUP_ENCRYPTION'),
  })
  .describe('Backups are encrypted before they leave the task');

const targetSchema = z.discriminatedUnion('engine', [
  postgresTargetSchema,
  neo4jTargetSchema,
  redisTargetSchema,
  applicationTargetSchema,
]);

const awsSchema = z
  .strictObject({
    account: z
      .string()
      .regex(/^\d{12}$/, 'is not a 12-digit account number')
      .optional(),
    region: z.string().default('eu-central-1'),
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,19}$/)
      .default('holdfast')
      .describe('Put before the names of stacks, state machines and alarms; one per installation in an account'),
    vpc: z
      .strictObject({
        id: z.string().regex(/^vpc-/),
        availabilityZones: z.array(z.string()).min(1),
        taskSubnets: z
          .array(z.string().regex(/^subnet-/))
          .min(1)
          .describe('Where backup tasks run: they must reach targets, S3 and ECR'),
        databaseSubnets: z
          .array(z.string().regex(/^subnet-/))
          .min(2)
          .describe("The catalog's subnets, in two zones at least"),
        assignPublicIp: z.boolean().default(false).describe('true when the task subnets are public and have no NAT'),
      })
      .optional()
      .describe('An existing VPC. Left out, a small one without NAT gateway is made'),
    objectLock: z
      .strictObject({
        mode: z.enum(['governance', 'compliance']).default('governance'),
        days: z.number().int().positive(),
      })
      .optional()
      .describe('Default retention lock of the bucket. Left out, objects can be locked, and none is by default'),
    taskCpu: z.union([z.literal(1024), z.literal(2048), z.literal(4096)]).default(2048),
    taskMemoryMiB: z.number().int().min(2048).default(4096),
    restoreTestDiskGiB: z
      .number()
      .int()
      .min(21)
      .max(200)
      .default(50)
      .describe(
        'Disk of the restore test task; it holds the databases as large as they were, their indexes, and some WAL',
      ),
  })
  .prefault({});

const catalogSchema = z
  .strictObject({
    connection: z
      .strictObject({
        host: z.string().min(1),
        port: z.number().int().min(1).max(65535).default(5432),
        database: z.string().default('holdfast'),
        user: z.string().default('holdfast'),
        password: secretReferenceSchema.optional(),
        sslmode: z.enum(['disable', 'require', 'verify-full']).default('verify-full'),
      })
      .optional()
      .describe('An existing PostgreSQL server (13 or later). Left out, one is made on RDS'),
  })
  .prefault({});

export const configSchema = z
  .strictObject({
    $schema: z.string().optional().describe('For editors: ./holdfast.schema.json'),
    store: storeSchema,
    encryption: encryptionSchema.prefault({ keys: 'kms' }),
    compression: z
      .strictObject({
        algorithm: compressionSchema.default('zstd').describe('Of new backups; BACKUP_COMPRESSION'),
        level: z.number().int().min(1).max(9).default(3).describe('1 fastest … 9 smallest; COMPRESSION_LEVEL'),
      })
      .prefault({}),
    run: z
      .strictObject({
        timeoutSeconds: z
          .number()
          .int()
          .min(60)
          .default(7200)
          .describe('After this long a run stops itself; BACKUP_TIMEOUT'),
        parallelJobs: z
          .number()
          .int()
          .min(1)
          .max(64)
          .default(2)
          .describe('Databases dumped side by side, and sessions that restore one side by side; PARALLEL_JOBS'),
        rateLimitBytesPerSecond: z
          .number()
          .int()
          .min(64 * 1024)
          .optional()
          .describe('Most bytes a second read from a source; none when left out'),
        objectBytes: z
          .number()
          .int()
          .min(2 * mebibytes)
          .multipleOf(2 * mebibytes, 'must be a multiple of 2 MiB (2097152)')
          .default(4096 * mebibytes)
          .describe('A longer stream goes on in the next numbered object; plain bytes, a multiple of 2 MiB'),
        validation: z
          .boolean()
          .default(true)
          .describe(
            'The task proves each frame that it compresses, and reads back what it wrote; the validation by the workflow is made in any case. VALIDATION_ENABLED',
          ),
        cleanup: z
          .boolean()
          .default(true)
          .describe(
            'Whether expired backups are removed by schedule; asked for by name it is done in any case. CLEANUP_ENABLED',
          ),
      })
      .prefault({}),
    retention: retentionRulesSchema.prefault({}),
    cleanup: z
      .strictObject({
        schedule: scheduleSchema.default('0 6 * * 0').describe('Cron: when expired backups are removed'),
        timezone: timezoneSchema,
      })
      .prefault({}),
    recovery: z
      .strictObject({
        rtoMinutes: z
          .number()
          .int()
          .positive()
          .default(60)
          .describe('Recovery time objective of targets without one of their own; RECOVERY_RTO_MINUTES'),
        rpoHours: z
          .number()
          .positive()
          .default(4)
          .describe('Recovery point objective of targets without one of their own; RECOVERY_RPO_HOURS'),
        approvalHours: z
          .number()
          .positive()
          .max(24 * 365)
          .default(24)
          .describe(
            'A recovery that needs the approval of a second person is given up when it has waited for this long',
          ),
        parallel: z
          .boolean()
          .default(true)
          .describe(
            'Restores load tables and make indexes over run.parallelJobs sessions at once; false: over one. PARALLEL_RECOVERY',
          ),
        comparison: z
          .enum(['full', 'loaded'])
          .optional()
          .describe(
            "How a restored copy is held against the backup before it is put in place. 'loaded': by the digests of what the server was given, and how many rows it took; 'holdfast compare' can follow. 'full': every row is read back, which takes longer; a recovered cluster's tables, indexes and pages are gone through. Left out: 'full' for clusters, and 'loaded' for all else. A request may say another; a restore test reads everything back in any case",
          ),
        mode: z
          .enum(['full', 'test'])
          .default('full')
          .describe(
            "'test': a restore is made beside what is there, compared, and dropped; nothing is replaced. RECOVERY_MODE",
          ),
      })
      .prefault({}),
    restoreTests: restoreTestsSchema,
    alerts: z
      .strictObject({
        emails: z.array(z.email()).default([]).describe('BACKUP_EMAIL_TO, several separated by commas'),
        webhook: z
          .url({ protocol: /^https?$/ })
          .optional()
          .describe('Gets every alert as JSON with a `text`, as Slack takes it; WEBHOOK_URL'),
        repeatHours: z
          .number()
          .positive()
          .default(24)
          .describe('A problem that lasts, or comes again, is told again after so many hours, and not before'),
        runbooks: z
          .url({ protocol: /^https?$/ })
          .optional()
          .describe('Where you keep the runbooks, e.g. a wiki; alerts link there. Left out, they name docs/runbooks/'),
        canary: scheduleSchema
          .default('0 8 * * *')
          .describe('When (cron, UTC) it is proved that each channel of alerts works; once a day or more often'),
      })
      .prefault({}),
    health: z
      .strictObject({
        schedule: scheduleSchema
          .default('*/30 * * * *')
          .describe('When (cron, UTC) targets are asked how they are, and the health check is made'),
      })
      .prefault({}),
    catalog: catalogSchema,
    aws: awsSchema,
    targets: z.array(targetSchema).min(1, 'name at least one target').superRefine(checkNamesDiffer),
  })
  .describe('Holdfast configuration');

export type ConfigInput = z.input<typeof configSchema>;
export type ParsedConfig = z.output<typeof configSchema>;
export type StoreSettings = ParsedConfig['store'];
export type TargetInput = ParsedConfig['targets'][number];
export type CatalogConnection = NonNullable<ParsedConfig['catalog']['connection']>;

function checkNamesDiffer(targets: readonly { readonly name: string }[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, { name }] of targets.entries()) {
    if (seen.has(name))
      context.addIssue({ code: 'custom', path: [index, 'name'], message: `a second target is called '${name}'` });
    seen.add(name);
  }
}
