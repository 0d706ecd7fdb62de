import type { BackupId, TargetName } from './ids.ts';
import type { RestoreTestEnded } from './journal.ts';
import type { EndedValidationStatus, VerificationStatus } from './vocabulary.ts';

/** A complete backup, as far as restorable points depend on it. */
export type KnownBackup = {
  readonly backupId: BackupId;
  readonly endedAt: string;
  /** The moment that it brings back. */
  readonly restorablePoint: string;
  readonly verification: VerificationStatus;
  /** The newest moment that a restore test has brought back of it by the log that goes on from it. @default - its own */
  readonly verifiedPoint?: string | null | undefined;
};

/** The last restore test of a target that came to an end. */
export type KnownRestoreTest = {
  readonly validationId: BackupId;
  readonly backupId: BackupId;
  readonly status: EndedValidationStatus;
  readonly endedAt: string;
  readonly rtoSeconds: number | null;
  readonly bytesPerSecond: number | null;
  readonly error: string | null;
};

/** The newest moment that the log of a target brings back, from the base backup that it goes on from. */
export type LogPoint = { readonly at: string; readonly backupId: BackupId };

/** What was found when the log of a target was looked at: no point where it goes on from no base backup. */
export type SeenLog = { readonly seenAt: string; readonly point: LogPoint | null };

/** What is told of a restore test where its target is spoken of. */
export function restoreTestFacts(event: RestoreTestEnded): KnownRestoreTest {
  const { operation, backupId, status, endedAt, rtoSeconds, figures, error } = event;
  const isMeasured = figures !== undefined && figures.restoreSeconds > 0;
  return {
    validationId: operation,
    backupId,
    status,
    endedAt,
    rtoSeconds: rtoSeconds ?? null,
    bytesPerSecond: isMeasured ? Math.round(figures.restoredBytes / figures.restoreSeconds) : null,
    error: error ? `[${error.code}] ${error.message}` : null,
  };
}

/** What is promised of a target. */
export type Objectives = {
  readonly target: TargetName;
  readonly rpoHours: number;
  readonly rtoMinutes: number;
  /** After this many days a verified point no longer counts as proof. */
  readonly verifiedWithinDays: number;
};

/** A moment that can be brought back, by which backup, and how long ago it is. */
export type RestorablePoint = { readonly at: string; readonly backupId: BackupId; readonly ageSeconds: number };

/** What is late or wrong with a target, for programs (`code`) and for people. */
export type Lateness = {
  readonly code:
    | 'no-backup'
    | 'restorable-point-late'
    | 'never-verified'
    | 'verified-point-old'
    | 'restore-test-failed'
    | 'rto-missed';
  readonly message: string;
};

/** The facts of one target: plain JSON, the same on the command line, the API and in metrics. */
export type RestorablePoints = {
  readonly target: TargetName;
  /** The newest complete backup, whatever is known of its content. */
  readonly lastBackup: {
    readonly backupId: BackupId;
    readonly endedAt: string;
    readonly verification: VerificationStatus;
  } | null;
  /** The newest point whose backup is complete and not known to be bad; with a log that is received, as far as that goes on from one. */
  readonly restorable: RestorablePoint | null;
  /** The newest point that a restore test has brought back: the headline figure. */
  readonly verified: RestorablePoint | null;
  readonly lastRestoreTest: KnownRestoreTest | null;
  /** `attainedSeconds`: what a loss just before the end of the newest backup would have cost; with a log that goes beyond it, what one would cost now. */
  readonly rpo: { readonly objectiveSeconds: number; readonly attainedSeconds: number | null };
  readonly rto: { readonly objectiveSeconds: number; readonly attainedSeconds: number | null };
  readonly late: readonly Lateness[];
};

/** What can be brought back of a target, what was proved, and what of it is late at `now`. */
export function restorablePointsOf(
  objectives: Objectives,
  known: {
    readonly backups: readonly KnownBackup[];
    readonly lastRestoreTest: KnownRestoreTest | null;
    /** @default - the target's log has not been looked at */
    readonly log?: SeenLog | undefined;
  },
  now: Date,
): RestorablePoints {
  const newestFirst = known.backups.toSorted((a, b) => Date.parse(b.restorablePoint) - Date.parse(a.restorablePoint));
  const pointOf = (
    backup: Pick<KnownBackup, 'backupId'> | undefined,
    at: string | undefined,
  ): RestorablePoint | null =>
    backup === undefined || at === undefined
      ? null
      : {
          at,
          backupId: backup.backupId,
          ageSeconds: Math.max(0, Math.round((now.getTime() - Date.parse(at)) / 1000)),
        };
  const provedUpTo = ({ verifiedPoint, restorablePoint }: KnownBackup): string => verifiedPoint ?? restorablePoint;
  const [proved] = known.backups
    .filter(({ verification }) => verification === 'VERIFIED')
    .toSorted((a, b) => Date.parse(provedUpTo(b)) - Date.parse(provedUpTo(a)));
  const good = newestFirst.filter(({ verification }) => verification !== 'FAILED');
  const { log, lastRestoreTest } = known;
  const logPoint = log?.point ?? null;
  const isBad = known.backups.some((one) => one.backupId === logPoint?.backupId && one.verification === 'FAILED');
  const alongLog =
    logPoint !== null &&
    !isBad &&
    Date.parse(logPoint.at) > Date.parse(good[0]?.restorablePoint ?? '1970-01-01T00:00:00Z')
      ? pointOf(logPoint, logPoint.at)
      : null;
  const last = known.backups.toSorted((a, b) => Date.parse(b.endedAt) - Date.parse(a.endedAt))[0];
  const verified = pointOf(proved, proved && provedUpTo(proved));
  const told = alongLog ?? pointOf(good[0], good[0]?.restorablePoint);
  // A restore test may have gone along the log beyond where it was seen. What the log has lost since the test is no longer reached.
  const isProvedSince =
    log === undefined ||
    isBad ||
    (lastRestoreTest?.status === 'PASSED' &&
      lastRestoreTest.backupId === verified?.backupId &&
      Date.parse(lastRestoreTest.endedAt) > Date.parse(log.seenAt));
  const restorable =
    isProvedSince && verified !== null && told !== null && Date.parse(verified.at) > Date.parse(told.at)
      ? verified
      : told;
  const facts = {
    target: objectives.target,
    lastBackup: last ? { backupId: last.backupId, endedAt: last.endedAt, verification: last.verification } : null,
    restorable,
    verified,
    lastRestoreTest: known.lastRestoreTest,
    rpo: {
      objectiveSeconds: objectives.rpoHours * 3600,
      attainedSeconds: alongLog?.ageSeconds ?? exposureBefore(good),
    },
    rto: {
      objectiveSeconds: objectives.rtoMinutes * 60,
      attainedSeconds: known.lastRestoreTest?.rtoSeconds ?? null,
    },
  };
  return { ...facts, late: latenessOf(facts, objectives) };
}

/** How old the second newest point was when the newest backup ended: all of that would have been lost a moment before. */
function exposureBefore([newest, before]: readonly KnownBackup[]): number | null {
  return newest && before ? rpoSeconds(newest.endedAt, before.restorablePoint) : null;
}

/** What a loss just before `endedAt` would have cost, when `restorablePoint` was the newest one until then. */
export function rpoSeconds(endedAt: string, restorablePoint: string): number {
  return Math.max(0, Math.round((Date.parse(endedAt) - Date.parse(restorablePoint)) / 1000));
}

function latenessOf(
  { restorable, verified, lastRestoreTest, rpo, rto }: Omit<RestorablePoints, 'late'>,
  { verifiedWithinDays, rpoHours, rtoMinutes }: Objectives,
): Lateness[] {
  const late: Lateness[] = [];
  if (restorable === null)
    return [{ code: 'no-backup', message: 'there is no complete backup that is not known to be bad' }];
  if (restorable.ageSeconds > rpo.objectiveSeconds)
    late.push({
      code: 'restorable-point-late',
      message: `the newest restorable point is ${hours(restorable.ageSeconds)} old, and the objective is ${rpoHours} h`,
    });
  if (verified === null) late.push({ code: 'never-verified', message: 'no backup has passed a restore test yet' });
  else if (verified.ageSeconds > verifiedWithinDays * 86_400)
    late.push({
      code: 'verified-point-old',
      message: `the last verified restorable point is ${hours(verified.ageSeconds)} old, more than ${verifiedWithinDays} days`,
    });
  if (lastRestoreTest !== null && lastRestoreTest.status !== 'PASSED')
    late.push({
      code: 'restore-test-failed',
      message: `the last restore test ended as ${lastRestoreTest.status}: ${lastRestoreTest.error ?? 'no reason is known'}`,
    });
  if (rto.attainedSeconds !== null && rto.attainedSeconds > rto.objectiveSeconds)
    late.push({
      code: 'rto-missed',
      message: `the last restore test took ${Math.round(rto.attainedSeconds / 60)} min, and the objective is ${rtoMinutes} min`,
    });
  return late;
}

const hours = (seconds: number): string => `${(seconds / 3600).toFixed(1)} h`;
