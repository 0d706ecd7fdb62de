import type { TargetName } from '../../../lib/core/ids.ts';
import { newOperationId } from '../../../lib/core/ids.ts';
import type { BackupFacts } from '../../../lib/core/retention/facts.ts';
import type { RetentionPolicy } from '../../../lib/core/retention/policy.ts';

export const orders = 'orders' as TargetName;
export const dayMs = 86_400_000;

/** The tiers' own times, a floor of one, and nothing else. */
export const plainPolicy: RetentionPolicy = {
  days: { daily: 7, weekly: 28, monthly: 365, compliance: 2557, manual: 28 },
  keep: { last: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 },
  floor: 1,
};

/** A complete daily backup of `orders` that began at `beganAt` and is kept for 7 days. `over` replaces what a test is about. */
export function backupAt(beganAt: string, over: Partial<BackupFacts> = {}): BackupFacts {
  const began = new Date(beganAt);
  const ended = new Date(began.getTime() + 600_000).toISOString();
  return {
    id: newOperationId(began, '00000001'),
    target: orders,
    tenant: null,
    method: 'logical',
    tier: 'daily',
    beganAt: began.toISOString(),
    endedAt: ended,
    writtenAt: ended,
    status: 'complete',
    verification: 'VALIDATED',
    parent: null,
    retentionUntil: new Date(began.getTime() + 7 * dayMs).toISOString(),
    storedBytes: 1000,
    hold: null,
    lockedUntil: null,
    ...over,
  };
}
