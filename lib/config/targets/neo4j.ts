import * as z from 'zod';
import { cypherAssertionSchema } from '../../core/assertions.ts';
import { restoreTestShape } from '../restore-test-schema.ts';
import { secretReferenceSchema } from '../secret-reference.ts';
import { mountsShape } from './mounts.ts';
import { serviceShape } from './service.ts';
import { type MethodTable, targetSchemaOf } from './target-schema.ts';

/** How to reach a Neo4j server. The user needs to read everything, and for restores to write and define; see docs/engines/neo4j.md. */
export const neo4jConnectionSchema = z.strictObject({
  host: z.string().min(1).describe('Host name or address'),
  port: z.number().int().min(1).max(65535).default(7687).describe('Of the Bolt connector'),
  user: z.string().min(1).default('neo4j'),
  password: secretReferenceSchema.optional(),
  tls: z
    .enum(['disable', 'trust', 'verify'])
    .default('verify')
    .describe("'trust' encrypts and takes any certificate; 'verify' wants one of a known authority"),
  sslrootcert: z.string().optional().describe('With tls: verify, a PEM file with the authority, relative to this one'),
  routing: z.boolean().default(false).describe('The host is a member of a cluster, which says who answers (neo4j://)'),
  databases: z
    .union([z.literal('all'), z.array(z.string().min(1)).min(1)])
    .default('all')
    .describe("'all', or a list of names; 'system' is never among them"),
  exclude: z.array(z.string().min(1)).default([]).describe('With databases: all, those to leave out'),
});

export const neo4jMethods = {
  logical: ['cypher'],
  dump: ['dump'],
  online: ['backup'],
} as const satisfies MethodTable;

/** What a restore test of a Neo4j backup can be told beside what every restore test can. */
export const neo4jRestoreTestShape = {
  assertions: z
    .array(cypherAssertionSchema)
    .max(100)
    .default([])
    .describe('What a good copy answers to questions of yours; see docs/restore-tests.md'),
  heapMiB: z.number().int().min(256).default(1024).describe("The test server's heap"),
  pageCacheMiB: z.number().int().min(64).default(512).describe("The test server's page cache"),
};

/** What the methods of neo4j-admin need, which work on a server's own folders. */
export const neo4jOwnShape = {
  home: z
    .string()
    .optional()
    .describe('For dump: NEO4J_HOME of the server, as the machine or task that runs the backup sees it'),
  conf: z
    .string()
    .optional()
    .describe(
      "For dump: NEO4J_CONF of the server; home/conf when left out, and Neo4j's defaults where that has no neo4j.conf",
    ),
  backupAddress: z.string().optional().describe('For online: host:port of the backup server; host:6362 when left out'),
};

export const neo4jTargetSchema = targetSchemaOf({
  engine: 'neo4j',
  connection: neo4jConnectionSchema,
  methods: neo4jMethods,
  about: {
    method:
      "'logical' reads over Bolt, on any edition; 'dump' stops the server; 'online' is the Enterprise edition's own backup",
    format: 'Each method has one',
    backups: "Left out, the engine's defaults: daily and weekly",
  },
  restoreTest: z.strictObject({ ...restoreTestShape, ...neo4jRestoreTestShape }).prefault({}),
  own: { ...neo4jOwnShape, ...serviceShape, ...mountsShape },
});
