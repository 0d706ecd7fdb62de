import { findProblems } from '../core/find-problems.ts';
import { type WatchState, watchStateSchema } from '../core/health.ts';
import { healthKeys } from '../core/object-keys.ts';
import { firstCommand, problemKinds } from '../core/problem-kinds.ts';
import { type OpenProblem, problemChanges } from '../core/problems.ts';
import { emitMetrics } from '../observe/metrics.ts';
import { readDocument, replaceDocument } from '../store/document.ts';
import { orNote } from './or-note.ts';
import { type EventSender, putEvent } from './put-event.ts';
import { readRestorablePoints } from './restorable-points.ts';
import { lookAround, type WatchSources } from './watch-facts.ts';

type Dependencies = WatchSources & Pick<EventSender, 'events' | 'waitMilliseconds'>;

/** How many problems there are, and how many of them were told or taken back now. */
export type Watched = { readonly open: number; readonly began: number; readonly ended: number };

/**
 * Compares what should exist with what does, whoever should have seen to it, and tells what has changed: one event for a problem that begins
 * or lasts, one when it is over.
 *
 * Events go out before the new state is written. A crash between the two, or another watch at the same time, tells a problem twice, which
 * whoever delivers alerts takes for one; none is ever left untold.
 */
export async function watch(dependencies: Dependencies): Promise<Watched> {
  const { config, store, clock } = dependencies;
  const { value: before, etag } = await readDocument(store, healthKeys.watch, watchStateSchema);
  const { facts, ...look } = await lookAround(dependencies, before);
  const now = clock();
  const { open, began, ended } = problemChanges(before?.open ?? [], findProblems(facts, now), {
    now,
    repeatMs: config.alerts.repeatHours * 3_600_000,
  });

  for (const problem of began) await putEvent(dependencies, 'Problem Began', detailOf(problem));
  for (const problem of ended)
    await putEvent(dependencies, 'Problem Ended', { ...detailOf(problem), endedAt: now.toISOString() });
  const state: WatchState = {
    formatVersion: 1,
    at: now.toISOString(),
    uninterruptedSince: facts.watchedSince,
    ...look,
    logs: Object.fromEntries(
      (facts.logs ?? []).flatMap(({ target, reach }) => (reach === undefined ? [] : [[target, reach]])),
    ),
    open: [...open],
  };
  await replaceDocument(store, healthKeys.watch, state, { etag });

  const count = (kind: OpenProblem['kind']): number => open.filter((problem) => problem.kind === kind).length;
  emitMetrics(
    {},
    {
      WatchBeat: 1,
      MissedRuns: count('missed-run'),
      MissedCleanups: count('missed-cleanup'),
      StuckRuns: count('stuck-run'),
      ...(config.encryption.keys === 'none' ? {} : { KeyUsable: count('key-unusable') > 0 ? 0 : 1 }),
    },
  );
  await orNote(dependencies.log, () => measurePoints(dependencies));
  return { open: open.length, began: began.length, ended: ended.length };
}

function detailOf(problem: OpenProblem): Readonly<Record<string, string | null>> {
  return {
    problem: problem.id,
    kind: problem.kind,
    severity: problemKinds[problem.kind].severity,
    target: problem.target,
    message: problem.message,
    since: problem.since,
    first: firstCommand(problem.kind, problem.target ?? undefined),
  };
}

/** The ages that alarms watch. A target with no such point emits none, and what is missing is alarming. */
async function measurePoints({ log, ...places }: Dependencies): Promise<void> {
  const { targets } = await readRestorablePoints({ ...places, warn: (message) => log.warn(message) });
  for (const { target, restorable, verified } of targets) {
    const ages = {
      ...(restorable ? { RestorablePointAge: restorable.ageSeconds } : {}),
      ...(verified ? { VerifiedPointAge: verified.ageSeconds } : {}),
    };
    if (Object.keys(ages).length > 0) emitMetrics({ Target: target }, ages);
  }
}
