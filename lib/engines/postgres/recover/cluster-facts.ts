import * as z from 'zod';
import { HoldfastError } from '../../../core/errors.ts';
import { isWholeServer, type Manifest, type StreamRecord } from '../../../core/manifest.ts';
import { parseLsn } from '../replication/lsn.ts';

const lsnSchema = z.string().transform((text, context) => {
  try {
    return parseLsn(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: String(error) });
    return z.NEVER;
  }
});

const logSpanSchema = z.object({
  systemIdentifier: z.string(),
  timeline: z.number().int().positive(),
  startLsn: lsnSchema,
  endLsn: lsnSchema,
  segmentBytes: z.number().int().positive(),
});
/** Where a backup begins and ends in its server's log. */
export type LogSpan = z.output<typeof logSpanSchema>;

/** What a base backup says of the cluster that it is of, as far as recovery reads it. */
const clusterFactsSchema = logSpanSchema.extend({
  major: z.number().int(),
  serverVersion: z.string(),
  fromStandby: z.boolean().default(false),
  checksums: z.boolean().default(false),
  tablespaces: z.array(z.object({ oid: z.coerce.string(), location: z.string() })).default([]),
  sizeBytes: z.number().nonnegative().default(0),
  snapshotAt: z.iso.datetime({ offset: true }),
});
export type ClusterFacts = z.output<typeof clusterFactsSchema>;

/** The stream among a backup's that is the cluster itself. Throws `object-missing` when there is none. */
export function clusterAmong<Stream extends { readonly record: StreamRecord }>(
  streams: readonly Stream[],
  of = 'the backup',
): Stream {
  const cluster = streams.find(({ record }) => isWholeServer(record));
  if (cluster === undefined) throw new HoldfastError('object-missing', `${of} holds no cluster`);
  return cluster;
}

/** The facts of a base backup's stream `cluster`. Throws `manifest-unreadable`. */
export function clusterFactsOf(record: StreamRecord): ClusterFacts {
  const parsed = clusterFactsSchema.safeParse(record.facts);
  if (parsed.success) return parsed.data;
  throw new HoldfastError(
    'manifest-unreadable',
    `the facts of '${record.name}' are not those of a base backup: ${z.prettifyError(parsed.error)}`,
  );
}

/** Where a backup begins and ends in its server's log; undefined when it is none of a whole cluster, or does not say. */
export const logSpanOf = ({ streams }: Pick<Manifest, 'streams'>): LogSpan | undefined =>
  logSpanSchema.safeParse(streams.find(isWholeServer)?.facts).data;
