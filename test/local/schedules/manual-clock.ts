import type { Clock } from '../../../lib/local/schedules/scheduler.ts';

/** A clock that stands until it is moved; timers that come due on the way fire in order. */
export type ManualClock = Clock & { readonly moveTo: (time: string) => void };

export function manualClock(start: string): ManualClock {
  let now = new Date(start).getTime();
  const timers = new Set<{ readonly due: number; readonly callback: () => void }>();
  return {
    now: () => new Date(now),
    after: (delayMs, callback) => {
      const timer = { due: now + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    moveTo: (time) => {
      const end = new Date(time).getTime();
      for (;;) {
        const next = [...timers].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.due);
        next.callback();
      }
      now = end;
    },
  };
}
