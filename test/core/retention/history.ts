import type { TargetName } from '../../../lib/core/ids.ts';
import { newOperationId } from '../../../lib/core/ids.ts';
import { type BackupFacts, factsKey } from '../../../lib/core/retention/facts.ts';
import { inDeletionOrder, planRetention } from '../../../lib/core/retention/plan-retention.ts';
import type { RetentionPolicy } from '../../../lib/core/retention/policy.ts';
import type { Tier } from '../../../lib/core/vocabulary.ts';
import { Invariants } from './invariants.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** What a simulated installation is like: shares are of 1. */
export type Weather = {
  readonly seed: number;
  readonly days: number;
  readonly policy: RetentionPolicy;
  /** How often a run publishes nothing, a part, or something that turns out bad. */
  readonly failing: number;
  /** How often a run builds on the one before. */
  readonly incremental: number;
  /** How often a clock, a writer's or the cleanup's, is wrong: by an hour mostly, by up to two years sometimes. */
  readonly wrongClock: number;
  /** How often a cleanup is killed between two removals, or does not run at all. */
  readonly crashing: number;
};

const targets = ['orders', 'stock'] as TargetName[];
const tierOfDay = (day: number): Tier =>
  day % 365 === 100 ? 'compliance' : day % 30 === 0 ? 'monthly' : day % 7 === 0 ? 'weekly' : 'daily';

/**
 * Lives through days of backups that fail, holds that come and go, clocks that jump and cleanups that die halfway, and asks after every single
 * removal whether anything is gone that must not be. Throws at the first that is. Returns how much was taken and removed.
 */
export function liveThrough(weather: Weather): { readonly taken: number; readonly removed: number } {
  const random = generator(weather.seed);
  const happens = (share: number): boolean => random() < share;
  const wrong = (): number =>
    !happens(weather.wrongClock) ? 0 : (happens(0.8) ? hourMs : random() * 730 * dayMs) * (happens(0.5) ? 1 : -1);
  const policies = new Map(targets.map((target) => [target, weather.policy]));
  const invariants = new Invariants(weather.policy);
  const store = new Map<string, BackupFacts>();
  const begin = Date.UTC(2026, 0, 1, 2);
  let taken = 0;
  let removed = 0;

  const backUp = (target: TargetName, day: number): void => {
    if (happens(weather.failing / 2)) return;
    const now = begin + day * dayMs + random() * hourMs;
    const began = new Date(now + wrong());
    const ended = new Date(began.getTime() + random() * hourMs);
    const tier = tierOfDay(day);
    const newest = [...store.values()].filter((one) => one.target === target).at(-1);
    taken += 1;
    const backup: BackupFacts = {
      id: newOperationId(began, hex(taken)),
      target,
      tenant: null,
      method: 'logical',
      tier,
      beganAt: began.toISOString(),
      endedAt: ended.toISOString(),
      writtenAt: new Date(now + hourMs).toISOString(),
      status: happens(weather.failing) ? (happens(0.5) ? 'partial' : 'unproved') : 'complete',
      verification: happens(weather.failing / 4) ? 'FAILED' : happens(0.1) ? 'VERIFIED' : 'VALIDATED',
      parent: newest !== undefined && happens(weather.incremental) ? newest.id : null,
      retentionUntil: new Date(began.getTime() + weather.policy.days[tier] * dayMs).toISOString(),
      storedBytes: 1,
      hold: null,
      lockedUntil: happens(0.02) ? new Date(now + 30 * dayMs).toISOString() : null,
    };
    store.set(factsKey(backup), backup);
  };
  const change = (share: number, over: (backup: BackupFacts) => Partial<BackupFacts>): void => {
    if (!happens(share) || store.size === 0) return;
    const backup = [...store.values()][Math.floor(random() * store.size)] as BackupFacts;
    store.set(factsKey(backup), { ...backup, ...over(backup) });
  };
  const cleanUp = (day: number): void => {
    const rightNow = begin + day * dayMs + 4 * hourMs;
    const now = new Date(rightNow + wrong());
    const decisions = planRetention({
      backups: shuffled([...store.values()], random),
      policies,
      otherwise: weather.policy,
      now,
    });
    invariants.begin(store, now);
    for (const { backup } of inDeletionOrder(decisions)) {
      if (happens(weather.crashing / 10)) break;
      store.delete(factsKey(backup));
      removed += 1;
      invariants.afterRemoval(backup, store);
    }
    invariants.end(store);
  };

  for (let day = 0; day < weather.days; day += 1) {
    for (const target of targets) backUp(target, day);
    change(0.02, () => ({ hold: { since: new Date(begin + day * dayMs).toISOString(), by: 'anna', reason: 'audit' } }));
    change(0.05, () => ({ hold: null }));
    change(0.02, ({ verification }) => ({ verification: verification === 'FAILED' ? 'FAILED' : 'VERIFIED' }));
    change(0.01, () => ({ verification: 'FAILED' }));
    if (day % 7 === 6 && !happens(weather.crashing)) cleanUp(day);
  }
  return { taken, removed };
}

/** Mulberry32: the same numbers for the same seed, everywhere. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function shuffled<T>(items: T[], random: () => number): T[] {
  for (let index = items.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [items[index], items[other]] = [items[other] as T, items[index] as T];
  }
  return items;
}

const hex = (count: number): string => count.toString(16).padStart(8, '0');
