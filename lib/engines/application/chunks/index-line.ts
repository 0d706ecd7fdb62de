import * as z from 'zod';
import { HoldfastError } from '../../../core/errors.ts';
import { bytesShown, type Entry, entryKinds, pathShown } from '../tree/entry.ts';

/** Where a chunk is: in which backup, by its place in the index's list of them, and at which plain byte of that backup's packs. */
export type ChunkPlace = { readonly backup: number; readonly offset: number; readonly length: number };
/** A chunk of a file: its SHA-256 in hexadecimal digits, and its place. */
export type FileChunk = ChunkPlace & { readonly id: string };

/** An entry as the index has it. */
export type IndexEntry = {
  readonly entry: Entry;
  readonly chunks: readonly FileChunk[];
  /** Its line without the chunks, as `entryLine` gives it. */
  readonly begun: string;
};

export const indexFormat = 'holdfast-index';

/** The first line of an index: which backups its chunks are in. The last of them is the backup itself. */
export const headerSchema = z.strictObject({
  format: z.literal(indexFormat),
  version: z.literal(1),
  tree: z.string(),
  backups: z.array(z.string()).min(1),
});
export type IndexHeader = z.infer<typeof headerSchema>;

/** The last line: an index that ends otherwise was cut off. */
export const trailerSchema = z.strictObject({ end: z.literal(true), entries: z.number().int().nonnegative() });

const numberSchema = z.number().int().nonnegative();
const lineSchema = z.strictObject({
  path: z.string(),
  type: z.enum(entryKinds),
  mode: z.string().regex(/^[0-7]{1,4}$/),
  uid: numberSchema,
  gid: numberSchema,
  mtime: z.string().regex(/^-?\d+\.\d{9}$/),
  size: numberSchema.optional(),
  target: z.string().optional(),
  device: z.tuple([numberSchema, numberSchema]).optional(),
  xattrs: z.array(z.tuple([z.string(), z.base64()])).optional(),
  sparse: z.literal(true).optional(),
  stat: z.string().optional(),
  chunks: z.array(z.tuple([z.string().regex(/^[0-9a-f]{64}$/), numberSchema, numberSchema, numberSchema])).optional(),
});

/** The whole line of an entry that `entryLine` began. */
export function endLine(begun: string, chunks: readonly FileChunk[]): string {
  if (chunks.length === 0) return `${begun}}\n`;
  const places = chunks.map(({ id, backup, offset, length }) => `["${id}",${backup},${offset},${length}]`);
  return `${begun}${beforeChunks}${places.join(',')}]}\n`;
}

/** Within a name it would have backslashes. */
const beforeChunks = ',"chunks":[';

function begunOf(line: string): string {
  const end = line.lastIndexOf(beforeChunks);
  return line.slice(0, end < 0 ? -1 : end);
}

/** What a line says. Throws `corrupt`. */
export function parseLine(text: string, number: number): IndexEntry {
  const line = parsed(lineSchema, text, number);
  const xattrs = (line.xattrs ?? []).map(([name, value]) => [bytesShown(name), Buffer.from(value, 'base64')] as const);
  const chunks = (line.chunks ?? []).map(([id, backup, offset, length]) => ({ id, backup, offset, length }));
  const size = line.size ?? 0;
  if (chunks.reduce((sum, { length }) => sum + length, 0) !== size)
    throw new HoldfastError('corrupt', `line ${number} of the index has chunks of other length than its file`);
  return {
    entry: {
      path: pathShown(line.path),
      kind: line.type,
      mode: Number.parseInt(line.mode, 8),
      uid: line.uid,
      gid: line.gid,
      mtime: nanosecondsOf(line.mtime),
      size,
      ...(line.target !== undefined && { target: bytesShown(line.target) }),
      ...(line.device && { device: { major: line.device[0], minor: line.device[1] } }),
      xattrs,
      ...(line.sparse && { isSparse: true }),
      ...(line.stat !== undefined && { signature: line.stat }),
    },
    chunks,
    begun: begunOf(text),
  };
}

/** A line of the index as what it has to be. Throws `corrupt`. */
export function parsed<T>(schema: z.ZodType<T>, text: string, number: number): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HoldfastError('corrupt', `line ${number} of the index is not JSON`, { cause });
  }
  const result = schema.safeParse(value);
  if (!result.success)
    throw new HoldfastError('corrupt', `line ${number} of the index is not valid: ${z.prettifyError(result.error)}`);
  return result.data;
}

/** Nanoseconds since 1970, from seconds with a point: as many digits as there are. */
export function nanosecondsOf(text: string): bigint {
  const [, sign = '', seconds = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text) ?? [];
  const magnitude = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return sign === '-' ? -magnitude : magnitude;
}
