import * as z from 'zod';
import { commandAssertionSchema } from '../../core/assertions.ts';
import { restoreTestShape } from '../restore-test-schema.ts';
import { secretReferenceSchema } from '../secret-reference.ts';
import { type MethodTable, targetSchemaOf } from './target-schema.ts';

/** How to reach a Redis or Valkey server, or any node of a cluster. */
export const redisConnectionSchema = z.strictObject({
  host: z.string().min(1).describe('Host name or address; of a cluster, that of any of its nodes'),
  port: z.number().int().min(1).max(65535).default(6379),
  user: z.string().min(1).optional().describe('An ACL user; left out, the password is that of the default user'),
  password: secretReferenceSchema.optional(),
  sslmode: z
    .enum(['disable', 'require', 'verify-ca', 'verify-full'])
    .default('verify-full')
    .describe('TLS, in the words of libpq; disable: none'),
  sslrootcert: z
    .string()
    .optional()
    .describe("A PEM file, relative to this one; 'system' for the operating system's certificates"),
});

export const redisMethods = { snapshot: ['rdb', 'json', 'aof'] } as const satisfies MethodTable;

/** How keys leave the server; the first is taken where nothing is said. */
export const transferSchema = z.enum(['auto', 'replication', 'keys']);

/** What a restore test of a Redis backup can be told beside what every restore test can. */
export const redisRestoreTestShape = {
  assertions: z
    .array(commandAssertionSchema)
    .max(100)
    .default([])
    .describe('What a good copy answers to questions of yours; see docs/restore-tests.md'),
  serverSettings: z
    .record(z.string().regex(/^[a-z][a-z0-9-]*$/, "is not a setting's name"), z.string())
    .default({})
    .describe("Settings of the test's server, e.g. loadmodule"),
};

export const redisTargetSchema = targetSchemaOf({
  engine: 'redis',
  connection: redisConnectionSchema,
  methods: redisMethods,
  about: {
    method: 'snapshot: every key of the server, of all its databases',
    format: "rdb: the server's own snapshot file; json: JSON Lines, a key a line; aof: commands; rdb when left out",
    backups: 'When it is backed up; left out: daily 04:00, weekly Sunday 03:00',
  },
  restoreTest: z.strictObject({ ...restoreTestShape, ...redisRestoreTestShape }).prefault({}),
  own: {
    transfer: transferSchema
      .default('auto')
      .describe(
        'replication: as a replica gets it, one moment of the server; keys: SCAN and DUMP, each key at its own moment; auto: replication, and keys where that is refused, as managed services do',
      ),
    acl: z
      .boolean()
      .default(false)
      .describe('ACL users too, their passwords as hashes; the backup user must be allowed to list them'),
  },
});
