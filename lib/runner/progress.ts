/** What a run is doing, told often: a terminal draws it, a task prints it as a JSON line, the local stack passes it on. */
export type ProgressEvent = {
  readonly phase: string;
  readonly detail?: string | undefined;
  readonly bytes?: number | undefined;
  readonly storedBytes?: number | undefined;
  readonly expectedBytes?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  /** Null while it cannot be said. */
  readonly remainingSeconds?: number | null | undefined;
};
export type ReportProgress = (event: ProgressEvent) => void;

/** Passes on the first event of every phase and detail at once, and of the rest at most one every `intervalMs`. */
export function throttled(
  report: ReportProgress,
  intervalMs: number,
  now: () => number = () => performance.now(),
): ReportProgress {
  let lastPhase = '';
  let lastAt = Number.NEGATIVE_INFINITY;
  return (event) => {
    const phase = `${event.phase}\n${event.detail ?? ''}`;
    if (phase === lastPhase && now() - lastAt < intervalMs) return;
    lastPhase = phase;
    lastAt = now();
    report(event);
  };
}
