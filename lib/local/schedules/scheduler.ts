import type { NextTime } from '../../core/wall-clock.ts';
import type { LocalSchedule } from '../model.ts';
import { parseScheduleExpression } from './schedule-expression.ts';

/** Time as schedules see it: real, or moved by a test. */
export type Clock = {
  readonly now: () => Date;
  /** Calls `callback` after `delayMs` milliseconds; the returned function takes that back. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
};

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => new Date(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

export type SchedulerOptions = {
  readonly schedules: readonly LocalSchedule[];
  readonly clock: Clock;
  /** Calls the target; a rejection is tried again as the schedule's retry policy says. */
  readonly fire: (schedule: LocalSchedule, input: string) => Promise<void>;
  /** Called when a target could not be called in time. */
  readonly onFailure: (schedule: LocalSchedule, input: string, error: unknown) => void;
};

type Entry = { readonly schedule: LocalSchedule; readonly next: NextTime; cancel: () => void; due?: Date };

/** Timers are looked at again at least this often, so that a machine that slept, or whose clock was set, fires at the right time. */
const longestWaitMs = 60_000;
const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

/**
 * Fires schedules at their times. A time that passes while nothing runs is not made up for: the reconciler tells what was missed. On a machine that
 * slept through a time, it fires late, or not at all when it is older than the schedule's maximum event age.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #entries: Entry[];
  readonly #underWay = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #early = new Map<string, 'once' | 'again'>();

  /** Throws `assembly-unsupported` when an expression is not understood. Begins at once. */
  constructor(options: SchedulerOptions) {
    this.#options = options;
    const start = options.clock.now();
    this.#entries = options.schedules.map((schedule) => entryOf(schedule, start));
    for (const entry of this.#entries) if (entry.schedule.isEnabled) this.#arm(entry, start);
  }

  /** From now on the schedule of this group and name is as given. What it has fired already goes on. One that is not fired here stays so. */
  replace(schedule: LocalSchedule): void {
    const index = this.#entries.findIndex(
      ({ schedule: { group, name } }) => group === schedule.group && name === schedule.name,
    );
    if (index === -1 || this.#closing.signal.aborted) return;
    const now = this.#options.clock.now();
    this.#entries[index]?.cancel();
    const entry = entryOf(schedule, now);
    this.#entries[index] = entry;
    if (schedule.isEnabled) this.#arm(entry, now);
  }

  /** Each schedule with the time at which it fires next; none when it is disabled or over. */
  upcoming(): { readonly name: string; readonly next: Date | undefined }[] {
    return this.#entries.map(({ schedule, due }) => ({ name: schedule.name, next: due }));
  }

  /**
   * Fires the schedule of this name now, beside its times; nothing when there is none, or it is disabled. While one such call is under way all
   * further ones are one, made after it: whatever is announced is followed by a call that begins later.
   */
  fireEarly(name: string): void {
    const entry = this.#entries.find(({ schedule }) => schedule.name === name && schedule.isEnabled);
    if (entry === undefined || this.#closing.signal.aborted) return;
    if (this.#early.has(name)) {
      this.#early.set(name, 'again');
      return;
    }
    this.#early.set(name, 'once');
    void this.#begin(entry.schedule, this.#options.clock.now()).finally(() => {
      const isWantedAgain = this.#early.get(name) === 'again';
      this.#early.delete(name);
      if (isWantedAgain) this.fireEarly(name);
    });
  }

  /** Fires nothing any more; calls under way are finished, retries are given up. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const { cancel } of this.#entries) cancel();
    await Promise.all(this.#underWay);
  }

  #arm(entry: Entry, after: Date): void {
    const due = entry.next(after);
    if (due === undefined) delete entry.due;
    else {
      entry.due = due;
      this.#wait(entry, due);
    }
  }

  #wait(entry: Entry, due: Date): void {
    const remainingMs = due.getTime() - this.#options.clock.now().getTime();
    entry.cancel = this.#options.clock.after(Math.min(Math.max(remainingMs, 0), longestWaitMs), () => {
      if (this.#closing.signal.aborted) return;
      if (due > this.#options.clock.now()) {
        this.#wait(entry, due);
        return;
      }
      void this.#begin(entry.schedule, due);
      this.#arm(entry, due);
    });
  }

  #begin(schedule: LocalSchedule, due: Date): Promise<void> {
    const call = this.#call(schedule, due);
    this.#underWay.add(call);
    void call.finally(() => this.#underWay.delete(call));
    return call;
  }

  async #call(schedule: LocalSchedule, due: Date): Promise<void> {
    const time = due.toISOString().replace('.000Z', 'Z');
    const input = schedule.input.replaceAll('<aws.scheduler.scheduled-time>', time);
    const deadline = due.getTime() + schedule.maximumEventAgeSeconds * 1000;
    const lateMs = this.#options.clock.now().getTime() - due.getTime();
    if (lateMs > schedule.maximumEventAgeSeconds * 1000) {
      this.#options.onFailure(
        schedule,
        input,
        new Error(`it was due at ${time}, ${Math.round(lateMs / 60_000)} minutes ago`),
      );
      return;
    }
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#options.fire(schedule, input);
        return;
      } catch (error) {
        const delayMs = Math.min(firstRetryMs * 2 ** attempt, longestRetryMs);
        const isTooLate = this.#options.clock.now().getTime() + delayMs > deadline;
        if (this.#closing.signal.aborted || attempt >= schedule.retryAttempts || isTooLate) {
          this.#options.onFailure(schedule, input, error);
          return;
        }
        await this.#pause(delayMs);
      }
    }
  }

  /** Ends early when the scheduler closes, so that a call in its retries does not hold up the stop. */
  #pause(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(delayMs, resolve);
    this.#closing.signal.addEventListener('abort', () => {
      cancel();
      resolve();
    });
    return promise;
  }
}

const entryOf = (schedule: LocalSchedule, start: Date): Entry => ({
  schedule,
  next: parseScheduleExpression(schedule.expression, schedule.timezone, start),
  cancel: () => undefined,
});
