import assert from 'node:assert/strict';
import { type BackupFacts, factsKey } from '../../../lib/core/retention/facts.ts';
import type { RetentionPolicy } from '../../../lib/core/retention/policy.ts';

const dayMs = 86_400_000;

/** What is in the store, by its key. */
type Backups = ReadonlyMap<string, BackupFacts>;

/**
 * What rule R3 demands of every removal, said again from scratch: nothing here is shared with the code that plans. `now` is the cleanup's own
 * clock, right or wrong; what has to hold whatever it says is asked without it.
 */
export class Invariants {
  readonly #policy: RetentionPolicy;
  #before: Backups = new Map();
  #now = 0;
  #nowText = '';

  constructor(policy: RetentionPolicy) {
    this.#policy = policy;
  }

  begin(before: Backups, now: Date): void {
    this.#before = new Map(before);
    this.#now = now.getTime();
    // Times of this simulation are all in one form, whose order is that of text.
    this.#nowText = now.toISOString();
  }

  afterRemoval(removed: BackupFacts, left: Backups): void {
    assert.equal(removed.hold, null, `'${removed.id}' was held`);
    assert.ok(
      removed.lockedUntil === null || Date.parse(removed.lockedUntil) <= this.#now,
      `'${removed.id}' was locked`,
    );
    assert.ok(
      Date.parse(removed.retentionUntil) <= this.#now,
      `'${removed.id}' was promised until ${removed.retentionUntil}`,
    );
    assert.ok(
      Date.parse(removed.writtenAt) + this.#policy.days[removed.tier] * dayMs <= this.#now,
      `'${removed.id}' was written ${removed.writtenAt}, and is ${removed.tier}`,
    );
    const others = [...left.values()];
    const orphan = others.find(({ target, parent }) => target === removed.target && parent === removed.id);
    assert.equal(orphan, undefined, `'${orphan?.id}' lost its parent '${removed.id}'`);
    assert.ok(
      !restorable(removed, this.#before) || others.some((one) => sameGroup(one, removed) && restorable(one, left)),
      `nothing that can be restored is left of '${removed.target}'`,
    );
  }

  /** What the whole cleanup has to leave, of what was there before it. */
  end(left: Backups): void {
    const before = [...this.#before.values()];
    const stays = (one: BackupFacts): boolean => left.has(factsKey(one));
    for (const group of new Set(before.map(({ target }) => target))) {
      const good = before
        .filter((one) => one.target === group && restorable(one, this.#before) && !this.#isOfFuture(one))
        .sort((a, b) => (a.beganAt < b.beganAt || (a.beganAt === b.beganAt && a.id < b.id) ? 1 : -1));
      const { floor, keep } = this.#policy;
      for (const one of good.slice(0, Math.max(floor, keep.last)))
        assert.ok(stays(one), `'${one.id}' is of the newest`);
      const verified = good.find(({ verification }) => verification === 'VERIFIED');
      assert.ok(verified === undefined || stays(verified), `'${verified?.id}' is the newest verified`);
      const periods = [
        [keep.daily, (time: string) => time.slice(0, 10)],
        [keep.monthly, (time: string) => time.slice(0, 7)],
        [keep.yearly, (time: string) => time.slice(0, 4)],
        // 1970-01-05 was a Monday.
        [keep.weekly, (time: string) => String(Math.floor((Date.parse(time) / dayMs - 4) / 7))],
      ] as const;
      for (const [count, of] of periods) {
        const newest = [...new Set(good.map(({ beganAt }) => of(beganAt)))].slice(0, count);
        for (const period of newest)
          assert.ok(
            good.some((one) => of(one.beganAt) === period && stays(one)),
            `nothing is left of '${period}' of '${group}'`,
          );
      }
      this.#assertWindow(good, stays);
    }
    for (const future of before.filter((one) => this.#isOfFuture(one)))
      assert.ok(stays(future), `'${future.id}' is of the future`);
  }

  /** Every moment of the window from which a base and all that follows was there before is still there. */
  #assertWindow(good: readonly BackupFacts[], stays: (one: BackupFacts) => boolean): void {
    const { window } = this.#policy;
    if (window === undefined) return;
    const start = this.#now - window.days * dayMs;
    for (const one of good) if (Date.parse(one.endedAt) > start) assert.ok(stays(one), `'${one.id}' is in the window`);
    const bases = good.filter(({ parent, endedAt }) => parent === null && Date.parse(endedAt) <= start);
    assert.ok(bases.length === 0 || bases.some(stays), 'the window has lost the base before it');
  }

  #isOfFuture({ beganAt, endedAt, writtenAt }: BackupFacts): boolean {
    const now = this.#nowText;
    return beganAt > now || endedAt > now || writtenAt > now;
  }
}

const sameGroup = (a: BackupFacts, b: BackupFacts): boolean => a.target === b.target && a.method === b.method;

/** Walks from parent to parent in what is there. */
function restorable(backup: BackupFacts, all: Backups, steps = 0): boolean {
  if (backup.status !== 'complete' || backup.verification === 'FAILED' || steps > all.size) return false;
  if (backup.parent === null) return true;
  const parent = all.get(factsKey({ target: backup.target, id: backup.parent }));
  return parent !== undefined && restorable(parent, all, steps + 1);
}
