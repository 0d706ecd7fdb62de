/**
 * Calls `flush` again and again, so that what it sends off is durable `everyMs` after the flush before it: earlier by as long as the way
 * into the store takes, of which `leadMs` tells, yet not before half of the time is over. Returns what ends it.
 */
export function flushInTime(options: {
  readonly everyMs: number;
  readonly leadMs: () => number;
  readonly flush: () => void;
}): () => void {
  const { everyMs, leadMs, flush } = options;
  let timer: NodeJS.Timeout;
  const plan = (): void => {
    timer = setTimeout(
      () => {
        flush();
        plan();
      },
      everyMs - Math.min(leadMs(), everyMs / 2),
    );
  };
  plan();
  return () => clearTimeout(timer);
}
