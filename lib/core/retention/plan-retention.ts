import { HoldfastError } from '../errors.ts';
import type { TargetName } from '../ids.ts';
import { Chains } from './chains.ts';
import { type BackupFacts, factsKey } from './facts.ts';
import { keptByFloor, keptByPeriods, keptByWindow, newestFirst, type Reasons } from './keep-rules.ts';
import { assertKeepsSomething, type RetentionPolicy } from './policy.ts';

/** Which rule decided. The order is that of precedence: the first that holds gives the reason. */
export type RetentionRule =
  | 'unknown'
  | 'hold'
  | 'lock'
  | 'future'
  | 'retention'
  | 'window'
  | 'floor'
  | 'period'
  | 'ancestor'
  | 'expired';

export type Decision = {
  readonly backup: BackupFacts;
  readonly verdict: 'keep' | 'delete';
  readonly rule: RetentionRule;
  /** One sentence, for people. */
  readonly reason: string;
};

export type RetentionInput = {
  readonly backups: readonly BackupFacts[];
  /** The rules of each configured target. */
  readonly policies: ReadonlyMap<TargetName, RetentionPolicy>;
  /** For targets whose backups are there and that are no longer configured. */
  readonly otherwise: RetentionPolicy;
  /** Targets of whose backups something cannot be read, and what: nothing of them may go, since what it needs is not known. */
  readonly unreadable?: ReadonlyMap<TargetName, string>;
  readonly now: Date;
};

/**
 * For every backup whether it is kept, and why. The same input gives the same answer, in the order of the input.
 *
 * - What is kept keeps all that it builds on.
 * - Of every target and method the floor is left, whatever the other rules say. Rules that would keep nothing are refused (`config-invalid`).
 * - A target of whose backups one cannot be read loses none.
 * - A backup whose times lie in the future is kept, and takes the place of no other: a wrong clock never removes more than a right one.
 */
export function planRetention(input: RetentionInput): readonly Decision[] {
  const { backups, policies, otherwise, now } = input;
  const chains = new Chains(backups);
  const future = new Set(backups.filter((backup) => isOfFuture(backup, now)));
  const kept = new Map<string, Pick<Decision, 'rule' | 'reason'>>();
  const keep = (rule: RetentionRule, reasons: Reasons): void => {
    for (const [backup, reason] of reasons)
      if (!kept.has(factsKey(backup))) kept.set(factsKey(backup), { rule, reason });
  };

  for (const [target, ofTarget] of Map.groupBy(backups, ({ target }) => target)) {
    const policy = policies.get(target) ?? otherwise;
    assertKeepsSomething(target, policy);
    const unreadable = input.unreadable?.get(target);
    if (unreadable !== undefined)
      keep(
        'unknown',
        ofTarget.map((backup) => [backup, unreadable]),
      );
    keep('hold', ofTarget.flatMap(heldReason));
    keep(
      'lock',
      ofTarget.flatMap((backup) => lockReason(backup, now)),
    );
    keep(
      'future',
      ofTarget.filter((backup) => future.has(backup)).map((backup) => [backup, futureReason(backup)]),
    );
    keep(
      'retention',
      ofTarget.flatMap((backup) => retentionReason(backup, policy, now)),
    );
    // A wrong clock's backup must not push out another: only those of the past count.
    const past = newestFirst(ofTarget.filter((backup) => !future.has(backup)));
    for (const ofMethod of Map.groupBy(past, ({ method }) => method).values()) {
      keep('window', keptByWindow(ofMethod, chains, policy, now));
      keep('floor', keptByFloor(ofMethod, chains, policy));
      keep('period', keptByPeriods(ofMethod, chains, policy));
    }
  }
  for (const backup of backups) {
    if (!kept.has(factsKey(backup))) continue;
    const ancestors = chains.ancestorsOf(backup);
    keep(
      'ancestor',
      ancestors.map((ancestor) => [ancestor, `'${backup.id}' builds on it, and is kept`]),
    );
  }

  const decisions = backups.map((backup): Decision => {
    const why = kept.get(factsKey(backup));
    if (why) return { backup, verdict: 'keep', ...why };
    return {
      backup,
      verdict: 'delete',
      rule: 'expired',
      reason: expiredReason(backup, policies.get(backup.target) ?? otherwise),
    };
  });
  assertNothingNeededGoes(decisions, chains, future);
  return decisions;
}

/** The backups that go, in the order in which they may: whatever builds on another goes before it, and newer ones first. */
export function inDeletionOrder(decisions: readonly Decision[]): readonly Decision[] {
  const chains = new Chains(decisions.map(({ backup }) => backup));
  const depth = ({ backup }: Decision): number => chains.depthOf(backup);
  return decisions
    .filter(({ verdict }) => verdict === 'delete')
    .toSorted((a, b) => depth(b) - depth(a) || (a.backup.id < b.backup.id ? 1 : -1));
}

/** Until when a backup is kept for its own sake: what was promised when it was taken, or what is configured now if that is longer. */
export function keptUntil(
  backup: Pick<BackupFacts, 'retentionUntil' | 'writtenAt' | 'tier'>,
  { days }: RetentionPolicy,
): Date {
  const configured = Date.parse(backup.writtenAt) + days[backup.tier] * 86_400_000;
  return new Date(Math.max(Date.parse(backup.retentionUntil), configured));
}

const heldReason = (backup: BackupFacts): Reasons =>
  backup.hold === null
    ? []
    : [[backup, `held since ${dayOf(backup.hold.since)} by '${backup.hold.by}': ${backup.hold.reason}`]];

const lockReason = (backup: BackupFacts, now: Date): Reasons =>
  backup.lockedUntil !== null && Date.parse(backup.lockedUntil) > now.getTime()
    ? [[backup, `locked by the store until ${dayOf(backup.lockedUntil)}`]]
    : [];

function retentionReason(backup: BackupFacts, policy: RetentionPolicy, now: Date): Reasons {
  const until = keptUntil(backup, policy);
  return until > now ? [[backup, `${backup.tier}: kept until ${dayOf(until.toISOString())}`]] : [];
}

const isOfFuture = ({ beganAt, endedAt, writtenAt }: BackupFacts, now: Date): boolean =>
  [beganAt, endedAt, writtenAt].some((time) => Date.parse(time) > now.getTime());

const futureReason = ({ endedAt }: BackupFacts): string =>
  `taken at ${endedAt}, which is yet to come: is a clock wrong?`;

const expiredReason = (backup: BackupFacts, policy: RetentionPolicy): string =>
  `${backup.tier}: was kept until ${dayOf(keptUntil(backup, policy).toISOString())}, and nothing needs it any more`;

const dayOf = (time: string): string => time.slice(0, 10);

/**
 * The two things that must hold of every plan, checked by other means than they were reached: should the rules above ever be wrong, nothing is
 * planned at all.
 */
function assertNothingNeededGoes(
  decisions: readonly Decision[],
  chains: Chains,
  future: ReadonlySet<BackupFacts>,
): void {
  const goes = new Set(decisions.filter(({ verdict }) => verdict === 'delete').map(({ backup }) => factsKey(backup)));
  if (goes.size === 0) return;
  for (const { backup, verdict } of decisions) {
    const parent = chains.parentOf(backup);
    if (verdict === 'keep' && parent !== undefined && goes.has(factsKey(parent)))
      throw new HoldfastError(
        'internal',
        `the plan keeps '${backup.id}' and removes '${parent.id}', on which it builds`,
      );
  }
  const restorable = decisions.filter(({ backup }) => !future.has(backup) && chains.isRestorable(backup));
  for (const [group, ofGroup] of Map.groupBy(restorable, ({ backup }) => `${backup.method} of '${backup.target}'`)) {
    if (ofGroup.every(({ verdict }) => verdict === 'delete'))
      throw new HoldfastError('internal', `the plan leaves no backup that can be restored: ${group}`);
  }
}
