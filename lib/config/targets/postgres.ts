import * as z from 'zod';
import { restoreTestShape } from '../restore-test-schema.ts';
import { secretReferenceSchema } from '../secret-reference.ts';
import { type MethodTable, type ParentTable, targetSchemaOf } from './target-schema.ts';
import { walSchema } from './wal.ts';

/** How to reach a PostgreSQL server. The user needs pg_read_all_data; see docs/configuration.md, privileges. */
export const postgresConnectionSchema = z.strictObject({
  host: z.string().min(1).describe('Host name, address, or the folder of a unix socket'),
  port: z.number().int().min(1).max(65535).default(5432),
  user: z.string().min(1),
  password: secretReferenceSchema.optional(),
  sslmode: z
    .enum(['disable', 'prefer', 'require', 'verify-ca', 'verify-full'])
    .default('verify-full')
    .describe('As in libpq. A unix socket needs none'),
  sslrootcert: z
    .string()
    .optional()
    .describe(
      "A PEM file, relative to this one; 'system' for the operating system's certificates. RDS needs none: its authorities are known",
    ),
  databases: z
    .union([z.literal('all'), z.array(z.string().min(1)).min(1)])
    .default('all')
    .describe("'all', or a list of names"),
  exclude: z.array(z.string().min(1)).default([]).describe('With databases: all, those to leave out'),
  standbys: z
    .array(
      z.strictObject({
        host: z.string().min(1).describe('Host name or address; user, password and TLS are the same as above'),
        port: z.number().int().min(1).max(65535).default(5432),
      }),
    )
    .max(16)
    .default([])
    .describe(
      'Standbys of this server. Base backups are read from the first that answers and follows closely, and from the server itself otherwise',
    ),
  maintenanceDatabase: z.string().default('postgres').describe('Where to connect for questions about the whole server'),
});

export const postgresMethods = {
  logical: ['custom', 'sql'],
  schema: ['custom', 'sql'],
  base: ['base'],
  incremental: ['blocks'],
  differential: ['blocks'],
} as const satisfies MethodTable;

export const postgresParents = {
  incremental: ['base', 'differential', 'incremental'],
  differential: ['base'],
} as const satisfies ParentTable;

/** How a base backup, and what builds on it, is asked of the server. */
export const postgresBaseShape = {
  checkpoint: z
    .enum(['fast', 'spread'])
    .default('fast')
    .describe(
      "A backup begins with a checkpoint. 'fast' writes it at once; 'spread' at the server's own pace, which takes minutes before the first byte comes",
    ),
  maxRateKiB: z
    .number()
    .int()
    .min(32)
    .max(1_048_576)
    .optional()
    .describe('The server sends no more than this in a second, in KiB; without a limit when left out'),
  maxStandbyLagSeconds: z
    .number()
    .int()
    .positive()
    .default(300)
    .describe('A standby (connection.standbys) that is further behind is not read from'),
  chainLinks: z
    .number()
    .int()
    .min(1)
    .max(365)
    .default(30)
    .describe(
      'The longest chain of incremental backups: the next one builds on the base itself, and so begins a chain of its own',
    ),
};

/** What a restore test of a PostgreSQL backup can be told beside what every restore test can. */
export const postgresRestoreTestShape = {
  amcheck: z.boolean().default(true).describe('Go through the structure of every restored table and index'),
  serverSettings: z
    .record(z.string().regex(/^[a-z_][a-z0-9_.]*$/, "is not a setting's name"), z.string())
    .default({})
    .describe("Settings of the test's server that your extensions need, e.g. shared_preload_libraries"),
};

export const postgresTargetSchema = targetSchemaOf({
  engine: 'postgres',
  connection: postgresConnectionSchema,
  methods: postgresMethods,
  about: {
    method:
      "'logical' is a dump of each database; 'base' the whole cluster, file by file, which needs the REPLICATION privilege; 'incremental' what changed since the newest base or incremental, 'differential' since the newest base. 'schema' is the definitions without the data: a supplement, never a backup that a recovery counts on",
    format:
      "Of dumps: 'custom' restores fastest, in parallel, and table by table; 'sql' is a script that a person and psql can read",
    backups: "Left out, the engine's defaults: daily, weekly and monthly",
  },
  restoreTest: z.strictObject({ ...restoreTestShape, ...postgresRestoreTestShape }).prefault({}),
  own: {
    base: z.strictObject(postgresBaseShape).prefault({}).describe('Of base, incremental and differential backups'),
    wal: walSchema.describe('Continuous WAL: docs/engines/postgres-wal.md'),
    maxImpactPercent: z
      .number()
      .int()
      .min(1)
      .max(100)
      .default(10)
      .describe(
        "How much of the server's other transactions a backup may cost: it takes breaks, as many as it is seen to need. 100: it takes none",
      ),
    lockTimeoutSeconds: z.number().int().positive().default(30).describe('A backup never waits longer for a lock'),
    statementTimeoutSeconds: z
      .number()
      .int()
      .nonnegative()
      .default(0)
      .describe('0: none beside the deadline of the run'),
    giveWaySeconds: z
      .number()
      .int()
      .nonnegative()
      .default(60)
      .describe(
        'A session of others that has waited so long for a lock of the dump (ALTER TABLE, say, and behind it everybody else) ends the dump, which is tried again later. 0: it is only remarked upon',
      ),
  },
});
