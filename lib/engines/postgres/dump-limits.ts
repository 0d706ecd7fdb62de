import * as z from 'zod';
import type { EngineContext } from '../engine.ts';

/** How long a dump may stand in the way of others, and they in its own; in seconds, 0 for no limit of one's own. */
const dumpLimitsSchema = z.object({
  /** How much of the server's other transactions the dumps of a backup may cost. */
  maxImpactPercent: z.number().default(100),
  lockTimeoutSeconds: z.number().default(0),
  statementTimeoutSeconds: z.number().default(0),
  /** Another session that has waited so long for a lock that the dump holds ends the dump; 0: it is only remarked upon. */
  giveWaySeconds: z.number().default(0),
});
export type DumpLimits = z.infer<typeof dumpLimitsSchema>;

/** The limits that the target's configuration sets. */
export const dumpLimits = ({ options }: Pick<EngineContext, 'options'>): DumpLimits => dumpLimitsSchema.parse(options);
