import * as z from 'zod';
import { HoldfastError } from './errors.ts';
import { backupIdSchema, targetNameSchema } from './ids.ts';
import { compressionSchema, encryptionAlgorithmSchema, engineSchema, methodSchema, tierSchema } from './vocabulary.ts';

/**
 * What one backup is: the last object written under its prefix, and the only thing a restore has to know.
 *
 * It holds names, sizes, counts and digests, never row data and never a key in the clear. `seal` covers everything but
 * `encryption.wrappedKey`, so that a key can be re-wrapped without the data key being able to vouch for it twice.
 */
export const manifestFormatVersion = 2;

/** The version that a manifest with these streams needs of its reader: 2 where one has no sum over all of its plain bytes, which 1 insists on. */
export function formatVersionOf(streams: readonly Pick<StreamRecord, 'objects'>[]): 1 | 2 {
  return streams.some(({ objects }) => objects.some(({ plainSha256 }) => plainSha256 === undefined)) ? 2 : 1;
}

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const bytesSchema = z.number().int().nonnegative();
const timeSchema = z.iso.datetime();

/**
 * One stored object of a stream, in order. Both hashes are of the whole object, after and before compression and encryption. There is none of the
 * plain bytes where the engine sums each file or chunk in them by SHA-256 itself.
 */
export const storedObjectSchema = z.strictObject({
  key: z.string(),
  storedBytes: bytesSchema,
  storedSha256: sha256Schema,
  plainBytes: bytesSchema,
  plainSha256: sha256Schema.optional(),
});
export type StoredObject = z.infer<typeof storedObjectSchema>;

/**
 * Rows of one table (or of all large objects): how many, and a digest that does not depend on their order. How it is computed is in
 * docs/formats.md; the same bytes in COPY text form give the same digest on every server and version.
 */
export const contentEntrySchema = z.strictObject({
  schema: z.string(),
  name: z.string(),
  rows: bytesSchema,
  bytes: bytesSchema,
  digest: z.string(),
});
export type ContentEntry = z.infer<typeof contentEntrySchema>;

/** What an engine that has no tables counts instead, in the singular: e.g. `type` and `key`, `label` and `node`. */
export const contentWordsSchema = z.strictObject({ collection: z.string(), item: z.string() });
export type ContentWords = z.infer<typeof contentWordsSchema>;

/** What is known of a stream's content, taken from its bytes as they passed. */
export const contentSchema = z.strictObject({
  /** What `tables` and their `rows` are, where they are something else. */
  words: contentWordsSchema.optional(),
  /** Per table (or other collection), in order of schema and name. */
  tables: z.array(contentEntrySchema),
  largeObjects: contentEntrySchema.optional(),
  /** How many objects of each kind the archive defines (`TABLE`, `INDEX`, `FUNCTION` …), and one digest over their definitions. */
  definitions: z.strictObject({ counts: z.record(z.string(), z.number().int()), digest: z.string() }).optional(),
});
export type Content = z.infer<typeof contentSchema>;

/**
 * What a stream lacks although it was read to its end: e.g. files that changed or vanished under the reader. A backup with such a stream is
 * partial. `listed` are the first of them.
 */
export const omissionsSchema = z.strictObject({
  count: z.number().int().positive(),
  listed: z.array(z.strictObject({ item: z.string(), reason: z.string() })),
});
export type Omissions = z.infer<typeof omissionsSchema>;

const streamErrorSchema = z.strictObject({ code: z.string(), message: z.string(), hint: z.string() });

/** One unit of a backup that succeeds or fails by itself: a database, or the cluster's globals. */
export const streamSchema = z.strictObject({
  /** Safe as a key segment; unique within the backup. */
  stream: z.string().regex(/^[a-z0-9-]{1,60}$/),
  /** `database`, `globals` …: what the engine takes this stream to be. */
  kind: z.string(),
  /** The name that its source gave it, which may be any text. */
  name: z.string(),
  /** The bytes' own format, e.g. `pg_dump-custom`, `pg_dumpall-globals`. */
  format: z.string(),
  status: z.enum(['complete', 'failed']),
  error: streamErrorSchema.optional(),
  beganAt: timeSchema,
  endedAt: timeSchema,
  compression: compressionSchema,
  plainBytes: bytesSchema,
  storedBytes: bytesSchema,
  plainSha256: sha256Schema.optional(),
  objects: z.array(storedObjectSchema),
  content: contentSchema.optional(),
  omissions: omissionsSchema.optional(),
  /** What a reader of the backup should know, and is no fault of it. */
  remarks: z.array(z.string()).optional(),
  /** Facts that only the engine reads back, e.g. snapshot LSN, encoding, collation versions, extensions. */
  facts: z.record(z.string(), z.json()),
  /** Facts that may hold secrets, encrypted (lib/keys/sealed-facts.ts). A backup that is not encrypted has them among `facts`. */
  sealedFacts: z.base64().optional(),
});
export type StreamRecord = z.infer<typeof streamSchema>;

/** Is the stream no part that is restored by its own name, but one that goes with the others: a cluster's globals, a tree's packs? */
export const isCompanion = ({ kind }: Pick<StreamRecord, 'kind'>): boolean => companionKinds.has(kind);
/** Is the stream a whole server, file by file, of which databases are parts that are asked for by name? */
export const isWholeServer = ({ kind }: Pick<StreamRecord, 'kind'>): boolean => kind === 'cluster';
const companionKinds: ReadonlySet<string> = new Set(['globals', 'packs', 'tablespace', 'backup-manifest']);

/** A data key's wrapped form: what `provider` needs to give the key back, and nothing that would let anyone else. */
export const wrappedKeySchema = z.strictObject({
  provider: z.enum(['kms', 'key-file']),
  /** KMS key ARN, or the fingerprint of the key file's key. */
  keyId: z.string(),
  ciphertext: z.base64(),
});
export type WrappedKey = z.infer<typeof wrappedKeySchema>;

export const requesterSchema = z.strictObject({
  kind: z.enum(['schedule', 'user', 'api', 'sql']),
  name: z.string().optional(),
  /** Where the request came from, as far as that is known. */
  address: z.string().optional(),
});

/** Who asked, by name where there is one. */
export const nameOfRequester = ({ name, kind }: z.infer<typeof requesterSchema>): string => name ?? kind;

export const manifestSchema = z.strictObject({
  formatVersion: z.literal([1, manifestFormatVersion]),
  backupId: backupIdSchema,
  target: targetNameSchema,
  engine: engineSchema,
  method: methodSchema,
  tier: tierSchema,
  tenant: z.string().nullable(),
  parent: backupIdSchema.nullable(),
  status: z.enum(['complete', 'partial']),
  beganAt: timeSchema,
  endedAt: timeSchema,
  scheduledTime: timeSchema.nullable(),
  requestedBy: requesterSchema,
  writer: z.strictObject({
    holdfast: z.string(),
    /** Digest or asset hash of the image that ran, `local` when it was no image. */
    image: z.string(),
    execution: z.string(),
    attempt: z.string(),
    fencingToken: z.number().int().positive(),
  }),
  /** The server as the engine saw it: version, tools, system identifier. */
  source: z.record(z.string(), z.json()),
  encryption: z.strictObject({ algorithm: encryptionAlgorithmSchema, wrappedKey: wrappedKeySchema.nullable() }),
  retention: z.strictObject({ days: z.number().int().positive(), until: timeSchema }),
  streams: z.array(streamSchema),
  plainBytes: bytesSchema,
  storedBytes: bytesSchema,
  /** HMAC-SHA-256 under a key derived from the data key, or plain SHA-256 when nothing is encrypted; see lib/keys/seal.ts. */
  seal: sha256Schema,
});
export type Manifest = z.infer<typeof manifestSchema>;

/**
 * The manifest that `text` holds. Throws `manifest-newer` when all that is wrong with it is that it says more than this Holdfast knows, and
 * `manifest-unreadable` otherwise.
 */
export function parseManifest(text: string, key: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HoldfastError('manifest-unreadable', `manifest '${key}' is not JSON`, { cause });
  }
  const version = (value as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === 'number' && version > manifestFormatVersion) {
    throw new HoldfastError(
      'manifest-newer',
      `manifest '${key}' has format version ${version}, newer than ${manifestFormatVersion}`,
    );
  }
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const isMore = parsed.error.issues.every((issue) => issue.code === 'unrecognized_keys');
  throw new HoldfastError(
    isMore ? 'manifest-newer' : 'manifest-unreadable',
    `manifest '${key}' is not ${isMore ? 'one that this Holdfast knows' : 'valid'}: ${z.prettifyError(parsed.error)}`,
  );
}
