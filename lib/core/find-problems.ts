import type { CanaryState, ReconcilerState, TargetHealth } from './health.ts';
import type { BackupId, TargetName } from './ids.ts';
import { latePoints } from './late-points.ts';
import { type ProblemKindName, problemId } from './problem-kinds.ts';
import type { Problem } from './problems.ts';
import type { Method, Tier } from './vocabulary.ts';
import { type PushedLogFacts, pushedLogProblems, type WalFacts, walProblems } from './wal-problems.ts';

/** A schedule, and what became of the time at which it was last due. */
export type ScheduleFacts = {
  readonly name: string;
  readonly target: TargetName;
  readonly method: Method;
  readonly tier: Tier;
  /** The last time that had to begin by now; null when none was due since the schedule was there. */
  readonly due: string | null;
  /** `none`: nobody asked for it. */
  readonly run: 'none' | 'under-way' | 'completed' | 'failed';
  readonly operation?: BackupId;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
};

/** All backups of one target and method. */
export type SeriesFacts = {
  readonly target: TargetName;
  readonly method: Method;
  /** Within this time there must be a complete one; null when none is scheduled. */
  readonly windowHours: number | null;
  /** Watched since. */
  readonly since: string;
  /** The newest complete backup. */
  readonly newest: { readonly backupId: BackupId; readonly beganAt: string; readonly endedAt: string } | null;
  /** The recovery point objective, where the schedule can reach it at all; otherwise null. */
  readonly rpoHours: number | null;
};

/** What cleans up: when that was last due, and when it last began, by schedule or by hand. */
export type CleanupFacts = {
  /** Null when none was due since the schedule was there. */
  readonly due: string | null;
  /** Null: never. */
  readonly begunAt: string | null;
};

export type UnendedFacts = { readonly operation: BackupId; readonly kind: 'backup' | 'recovery'; readonly at: string };

export type LeaseFacts = {
  readonly target: string;
  readonly method: string;
  readonly description: string;
  readonly until: string;
  readonly isReleased: boolean;
};

/** What problems are found in. What could not be found out is undefined, and is no problem by itself. */
export type WatchFacts = {
  readonly schedules: readonly ScheduleFacts[];
  readonly series: readonly SeriesFacts[];
  readonly unended: readonly UnendedFacts[];
  readonly leases: readonly LeaseFacts[];
  readonly cleanup: CleanupFacts;
  readonly longestAttemptSeconds: number;
  /** Null: it never ended, since the installation is watched. */
  readonly reconciler: ReconcilerState | null;
  /** Since when it is watched without a gap. */
  readonly watchedSince: string;
  /** When the watch looked last, for whoever else looks; null when it never did. */
  readonly lastWatchedAt?: string | null;
  readonly hasCatalog: boolean;
  readonly catalogError: string | undefined;
  /** Requests made by SQL that are due and that nobody takes; undefined when the catalog could not be asked. */
  readonly queue?: { readonly waiting: number; readonly oldestSeconds: number } | undefined;
  readonly keyError: string | undefined;
  readonly targets: readonly TargetHealth[];
  /** Write-ahead logs that are received. */
  readonly logs?: readonly WalFacts[];
  /** Those that servers push by themselves. */
  readonly pushedLogs?: readonly PushedLogFacts[];
  readonly canary: CanaryState | undefined;
  readonly volumes: readonly { readonly volume: string; readonly usagePercent: number }[];
  /** Verified restorable points, by target; what makes them is not part of every installation. */
  readonly verified?: readonly { readonly target: TargetName; readonly at: string | null }[];
};

/** How long nobody need worry: a clock that is behind, a retried delivery, the time between two runs. */
const leaseGraceMs = 2 * 60_000;
const reconcilerPatienceMs = 50 * 60_000;
const watchPatienceMs = 30 * 60_000;

/** Requests are taken every minute, and at once where the server can tell of them: this is no delay any more. */
export const longestUntakenSeconds = 10 * 60;
const unverifiedMs = 14 * 86_400_000;
const fullPercent = 90;
const mostUnarchivedWalFiles = 100;
const hourMs = 3_600_000;

/** Every problem that the facts show at `now`, in the order of the table of kinds' use: late backups first. */
export function findProblems(facts: WatchFacts, now: Date): readonly Problem[] {
  return [
    ...facts.series.flatMap((series) => lateBackups(series, facts.logs ?? [], now)),
    ...latePoints(facts.logs ?? [], facts.series, now),
    ...facts.schedules.flatMap((schedule) => runsOf(schedule, facts.series)),
    ...missedCleanup(facts.cleanup),
    ...untakenRequests(facts),
    ...stuckRuns(facts, now),
    ...facts.leases.flatMap((lease) => staleLease(lease, now)),
    ...ownParts(facts, now),
    ...facts.targets.flatMap(targetProblems),
    ...walProblems(facts.logs ?? [], facts.watchedSince, now),
    ...pushedLogProblems(facts.pushedLogs ?? [], now),
    ...(facts.verified ?? []).flatMap((verified) => unverified(verified, now)),
  ];
}

const problem = (
  kind: ProblemKindName,
  target: TargetName | null,
  message: string,
  subject: string | undefined = target ?? undefined,
): Problem => ({ id: problemId(kind, subject), kind, target, message });

function lateBackups(
  { target, method, windowHours, since, newest, rpoHours }: SeriesFacts,
  logs: readonly WalFacts[],
  now: Date,
): Problem[] {
  const of = `${method} backup of '${target}'`;
  const subject = `${target}-${method}`;
  const newestMs = newest === null ? undefined : Date.parse(newest.beganAt);
  // A target that is new has as much time as any other to get its first.
  const hours = (now.getTime() - (newestMs ?? Date.parse(since))) / hourMs;
  const last = newest === null ? 'there is none' : `the newest is '${newest.backupId}', ${rounded(hours)} hours old`;
  if (windowHours !== null && hours > windowHours) {
    return [
      problem(
        'no-backup',
        target,
        `no complete ${of} in ${windowHours} hours, in which there must have been one: ${last}`,
        subject,
      ),
    ];
  }
  if (rpoHours === null || newest === null || hours <= rpoHours) return [];
  // Its log goes on between the backups: what is late there is the log's end (latePoints).
  if (logs.some((log) => log.target === target)) return [];
  return [
    problem(
      'rpo-exceeded',
      target,
      `the last point to which '${target}' can be restored is ${rounded(hours)} hours old; its objective is ${rpoHours}`,
    ),
  ];
}

function runsOf(
  { name, target, method, due, run, error, operation }: ScheduleFacts,
  series: readonly SeriesFacts[],
): Problem[] {
  if (due === null) return [];
  const newest = series.find((one) => one.target === target && one.method === method)?.newest;
  // Whoever has made a backup since, by hand or by another schedule, has mended it.
  const isMended = newest != null && newest.beganAt >= due;
  if (isMended) return [];
  if (run === 'none')
    return [problem('missed-run', target, `the backup '${name}' was due at ${due} and was never begun`, name)];
  if (run !== 'failed') return [];
  const kind = kindOfFailure(error?.code ?? 'internal');
  const why = error === undefined ? '' : `: [${error.code}] ${error.message}`;
  return [
    problem(
      kind,
      kind === 'task-not-started' ? null : target,
      `the backup '${operation}' of '${target}', due at ${due}, failed${why}`,
      kind === 'task-not-started' ? undefined : `${target}-${method}`,
    ),
  ];
}

/** Which kind of problem a failed backup is: whose cause and cure it is differ. */
export function kindOfFailure(code: string): 'task-not-started' | 'validation-failed' | 'backup-failed' {
  if (code === 'task-not-started') return 'task-not-started';
  const unreadable = ['corrupt', 'object-missing', 'manifest-unreadable', 'key-wrong'];
  return unreadable.includes(code) ? 'validation-failed' : 'backup-failed';
}

function missedCleanup({ due, begunAt }: CleanupFacts): Problem[] {
  if (due === null || (begunAt !== null && begunAt >= due)) return [];
  const last = begunAt === null ? 'there was none before' : `the last one began at ${begunAt}`;
  return [problem('missed-cleanup', null, `the cleanup was due at ${due} and was never begun; ${last}`)];
}

function untakenRequests({ queue }: WatchFacts): Problem[] {
  if (queue === undefined || queue.oldestSeconds <= longestUntakenSeconds) return [];
  const { waiting, oldestSeconds } = queue;
  const minutes = Math.floor(oldestSeconds / 60);
  return [
    problem(
      'requests-waiting',
      null,
      `nobody takes ${waiting} requests made by SQL; the oldest waits for ${minutes} minutes`,
    ),
  ];
}

function stuckRuns({ unended, longestAttemptSeconds }: WatchFacts, now: Date): Problem[] {
  return unended
    .filter(({ at }) => now.getTime() - Date.parse(at) > longestAttemptSeconds * 1000)
    .map(({ operation, kind, at }) =>
      problem(
        'stuck-run',
        null,
        `the ${kind} '${operation}' runs since ${at}, longer than one may take`,
        operation.toLowerCase(),
      ),
    );
}

function staleLease({ target, method, description, until, isReleased }: LeaseFacts, now: Date): Problem[] {
  if (isReleased || now.getTime() - Date.parse(until) <= leaseGraceMs) return [];
  return [
    problem(
      'stale-lease',
      null,
      `the lease of '${target}' (${method}) ran out at ${until} and was not given back by ${description}`,
      `${target}-${method}`,
    ),
  ];
}

/** Holdfast's own: the catalog, the key, the channels, the reconciler, the disk. */
function ownParts(facts: WatchFacts, now: Date): Problem[] {
  const { reconciler, hasCatalog, catalogError, keyError, canary, volumes, watchedSince } = facts;
  // An installation that was off for a day has nothing to say against its reconciler when it is on again.
  const reconciledAt = [reconciler?.at ?? watchedSince, watchedSince].toSorted().at(-1) ?? watchedSince;
  const { lastWatchedAt } = facts;
  const isUnwatched = lastWatchedAt != null && now.getTime() - Date.parse(lastWatchedAt) > watchPatienceMs;
  const isSilent = hasCatalog && now.getTime() - Date.parse(reconciledAt) > reconcilerPatienceMs;
  return [
    ...(keyError === undefined ? [] : [problem('key-unusable', null, keyError)]),
    ...(catalogError === undefined ? [] : [problem('catalog-down', null, catalogError)]),
    ...(isUnwatched ? [problem('watch-silent', null, `nothing has been watched since ${lastWatchedAt}`)] : []),
    ...(isSilent
      ? [problem('reconciler-silent', null, `the reconciler has not ended well since ${reconciledAt}`)]
      : []),
    ...((reconciler?.leftOut ?? 0) > 0
      ? [problem('catalog-behind', null, `the catalog lacks ${reconciler?.leftOut} events that the store has`)]
      : []),
    ...(canary?.channels ?? []).flatMap(({ channel, isWorking, detail }) =>
      isWorking ? [] : [problem('channel-down', null, `alerts do not arrive by ${channel}: ${detail}`, channel)],
    ),
    ...volumes.flatMap(({ volume, usagePercent }) =>
      usagePercent < fullPercent
        ? []
        : [problem('volume-full', null, `the volume '${volume}' is ${Math.round(usagePercent)} % full`, volume)],
    ),
  ];
}

function targetProblems({ target, isReachable, error, unarchivedWalFiles }: TargetHealth): Problem[] {
  if (!isReachable) {
    const why = error === undefined ? '' : `: [${error.code}] ${error.message}`;
    return [problem('target-unreachable', target, `'${target}' cannot be asked${why}`)];
  }
  if (unarchivedWalFiles === null || unarchivedWalFiles <= mostUnarchivedWalFiles) return [];
  return [
    problem('wal-not-archived', target, `'${target}' has ${unarchivedWalFiles} WAL files that were not archived`),
  ];
}

function unverified({ target, at }: { readonly target: TargetName; readonly at: string | null }, now: Date): Problem[] {
  if (at !== null && now.getTime() - Date.parse(at) <= unverifiedMs) return [];
  return [
    problem(
      'not-verified',
      target,
      `no backup of '${target}' was restored and found the same since ${at ?? 'it is backed up'}`,
    ),
  ];
}

const rounded = (hours: number): number => Math.round(hours * 10) / 10;
