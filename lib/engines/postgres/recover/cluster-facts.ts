import { z } from 'zod';
import { HoldfastError } from '../../../core/errors.ts';
import type { StreamRecord } from '../../../core/manifest.ts';
import { parseLsn } from '../replication/lsn.ts';

const lsnSchema = z.string().transform((text, context) => {
  try {
    return parseLsn(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: String(error) });
    return z.NEVER;
  }
});

/** What a base backup says of the cluster that it is of, as far as recovery reads it. */
const clusterFactsSchema = z.object({
  major: z.number().int(),
  serverVersion: z.string(),
  systemIdentifier: z.string(),
  timeline: z.number().int().positive(),
  startLsn: lsnSchema,
  endLsn: lsnSchema,
  segmentBytes: z.number().int().positive(),
  fromStandby: z.boolean().default(false),
  checksums: z.boolean().default(false),
  tablespaces: z.array(z.object({ oid: z.coerce.string(), location: z.string() })).default([]),
  sizeBytes: z.number().nonnegative().default(0),
  snapshotAt: z.iso.datetime({ offset: true }),
});
export type ClusterFacts = z.output<typeof clusterFactsSchema>;

/** The stream of a base backup that holds the data directory. */
export const isCluster = ({ kind }: Pick<StreamRecord, 'kind'>): boolean => kind === 'cluster';

/** The facts of a base backup's stream `cluster`. Throws `manifest-unreadable`. */
export function clusterFactsOf(record: StreamRecord): ClusterFacts {
  const parsed = clusterFactsSchema.safeParse(record.facts);
  if (parsed.success) return parsed.data;
  throw new HoldfastError(
    'manifest-unreadable',
    `the facts of '${record.name}' are not those of a base backup: ${z.prettifyError(parsed.error)}`,
  );
}
