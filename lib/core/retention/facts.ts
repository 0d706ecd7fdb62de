import type { BackupId, TargetName } from '../ids.ts';
import type { Method, Tier, VerificationStatus } from '../vocabulary.ts';

/** Why a backup must not be removed whatever any rule says, who said so, and when. */
export type Hold = { readonly since: string; readonly by: string; readonly reason: string };

/** What retention has to know of a published backup. Times are ISO text in UTC. */
export type BackupFacts = {
  readonly id: BackupId;
  readonly target: TargetName;
  /** Whose it is; what happens to it is told in that tenant's name. */
  readonly tenant: string | null;
  readonly method: Method;
  readonly tier: Tier;
  /** By the clock of whoever wrote it. */
  readonly beganAt: string;
  readonly endedAt: string;
  /** When its manifest was written, by the store's clock: a second witness, should the writer's clock have been wrong. */
  readonly writtenAt: string;
  /** `partial`: a part of it failed. `unproved`: its manifest calls it complete, and its run ended as a failure all the same. */
  readonly status: 'complete' | 'partial' | 'unproved';
  readonly verification: VerificationStatus;
  /** The backup that this one builds on. */
  readonly parent: BackupId | null;
  /** What its manifest promises. */
  readonly retentionUntil: string;
  readonly storedBytes: number;
  readonly hold: Hold | null;
  /** Until then the store itself refuses to remove it. */
  readonly lockedUntil: string | null;
};

/** Tells a backup from all others. */
export const factsKey = ({ target, id }: Pick<BackupFacts, 'target' | 'id'>): string => `${target}/${id}`;
