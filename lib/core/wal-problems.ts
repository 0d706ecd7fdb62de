import type { LogReach, WalConflict, WalState } from './health.ts';
import type { TargetName } from './ids.ts';
import { type ProblemKindName, problemId } from './problem-kinds.ts';
import type { Problem } from './problems.ts';

/** A hole in a target's write-ahead log: positions as the server writes them, and the points on its sides as far as they are known. */
export type WalGapFacts = {
  readonly timeline: number;
  readonly first: string;
  readonly last: string;
  readonly from: string;
  readonly to: string;
  readonly lastPoint: string | null;
};

/** The write-ahead log of a target that is received. */
export type WalFacts = {
  readonly target: TargetName;
  /** The target's recovery point objective. */
  readonly rpoHours: number;
  /** What its receiver said last; null when none ever did. */
  readonly state: WalState | null;
  /** Holes that no base backup from after them makes up for. */
  readonly gaps: readonly WalGapFacts[];
  /** How far it goes on from a base backup; null when that is not as far as the receiver says. @default null */
  readonly reach?: LogReach | null;
  /** What was pushed last and refused. @default - nothing was */
  readonly conflict?: WalConflict;
  /** Why nothing of this is known: something in the store cannot be read. @default - it can */
  readonly unreadable?: string;
};

/** The write-ahead log of a target whose server pushes it by itself: nobody is heard, and how late it is cannot be known. */
export type PushedLogFacts = Pick<WalFacts, 'target' | 'gaps' | 'conflict' | 'unreadable'>;

const silentAfterMs = 10 * 60_000;
/** A server calls for what was refused every minute, as long as it is at work. */
const conflictForMs = 60 * 60_000;
/** The recovery point objective of a log that is received. */
const longestLagSeconds = 5 * 60;
/** Without a limit of the server's own, a slot that keeps more than that is filling a disk. */
const mostRetainedBytes = 10 * 1024 ** 3;
/** Of the server's limit: beyond it the slot is given up, and the log has a hole. */
const mostOfLimit = 0.5;

/** Every problem of logs that are received. `watchedSince`: for how long a receiver that was never heard may have had no time to begin. */
export function walProblems(logs: readonly WalFacts[], watchedSince: string, now: Date): Problem[] {
  return logs.flatMap(({ target, state, gaps, conflict, unreadable }) => {
    if (unreadable !== undefined) return [unreadableProblem(target, unreadable)];
    return [
      ...receiverProblems(target, state, watchedSince, now),
      ...(state === null ? [] : slotProblems(target, state)),
      ...gaps.map((gap) => gapProblem(target, gap)),
      ...conflictProblems(target, { state, conflict }, now),
    ];
  });
}

/** Every problem of logs that their servers push. */
export const pushedLogProblems = (logs: readonly PushedLogFacts[], now: Date): Problem[] =>
  logs.flatMap(({ target, gaps, conflict, unreadable }) => [
    ...(unreadable === undefined ? [] : [unreadableProblem(target, unreadable)]),
    ...gaps.map((gap) => gapProblem(target, gap)),
    ...conflictProblems(target, { state: null, conflict }, now),
  ]);

const unreadableProblem = (target: TargetName, unreadable: string): Problem =>
  problem(
    'wal-gap',
    target,
    `the log of '${target}' cannot be looked at, and recovery may not get beyond what is damaged: ${unreadable}`,
  );

const problem = (kind: ProblemKindName, target: TargetName, message: string, subject: string = target): Problem => ({
  id: problemId(kind, subject),
  kind,
  target,
  message,
});

function receiverProblems(target: TargetName, state: WalState | null, watchedSince: string, now: Date): Problem[] {
  const heardAt = state?.at ?? watchedSince;
  const why = state?.error === undefined ? '' : `: [${state.error.code}] ${state.error.message}`;
  if (state?.error?.code === 'wal-conflict') return [problem('wal-conflict', target, `'${target}'${why}`)];
  if (now.getTime() - Date.parse(heardAt) > silentAfterMs || state?.state === 'refused') {
    const since = state === null ? 'was never heard' : `was heard last at ${state.at}`;
    return [problem('wal-receiver-silent', target, `the receiver of the log of '${target}' ${since}${why}`)];
  }
  if (state === null) return [];
  const hadTime = now.getTime() - Date.parse(watchedSince) > silentAfterMs;
  if (state.state === 'waiting' && state.error !== undefined && state.restorablePoint === null && hadTime)
    return [
      problem('wal-receiver-silent', target, `the receiver of the log of '${target}' has received nothing${why}`),
    ];
  const behindSeconds =
    state.state === 'receiving' || state.restorablePoint === null
      ? state.lagSeconds
      : (now.getTime() - Date.parse(state.restorablePoint)) / 1000;
  if (behindSeconds <= longestLagSeconds) return [];
  const minutes = Math.floor(behindSeconds / 60);
  return [problem('wal-behind', target, `the log of '${target}' in the store is ${minutes} minutes behind${why}`)];
}

/** Of the receiver's own word there is no need of another's. */
function conflictProblems(
  target: TargetName,
  { state, conflict }: Pick<WalFacts, 'state' | 'conflict'>,
  now: Date,
): Problem[] {
  const isRecent = conflict !== undefined && now.getTime() - Date.parse(conflict.at) <= conflictForMs;
  if (!isRecent || state?.error?.code === 'wal-conflict') return [];
  const { message, host } = conflict;
  return [problem('wal-conflict', target, `'${target}': what '${host}' pushes is refused: ${message}`)];
}

function slotProblems(target: TargetName, { slot }: WalState): Problem[] {
  const { name, retainedBytes, limitBytes } = slot;
  const most = limitBytes === null ? mostRetainedBytes : limitBytes * mostOfLimit;
  return [
    ...(limitBytes === null
      ? [
          problem(
            'wal-slot-unbounded',
            target,
            `nothing limits what the server of '${target}' keeps for the slot '${name}': max_slot_wal_keep_size is -1`,
          ),
        ]
      : []),
    ...(retainedBytes > most
      ? [
          problem(
            'wal-slot-growing',
            target,
            `the server of '${target}' keeps ${mebibytes(retainedBytes)} MiB of log for the slot '${name}'${limitBytes === null ? '' : `, of ${mebibytes(limitBytes)} MiB at which it gives it up`}`,
          ),
        ]
      : []),
  ];
}

const mebibytes = (bytes: number): number => Math.round(bytes / 1024 ** 2);

function gapProblem(target: TargetName, { timeline, first, last, from, to, lastPoint }: WalGapFacts): Problem {
  const lost = lastPoint === null ? `beyond ${from}` : `after ${lastPoint} (${from})`;
  return problem(
    'wal-gap',
    target,
    `the log of '${target}' lacks ${first === last ? `'${first}'` : `'${first}' to '${last}'`}: no backup from before reaches a point ${lost}, and points from ${to} on need a base backup that was begun there or later`,
    `${target}-${timeline}-${first.toLowerCase()}`,
  );
}
