import { findProblems, type WatchFacts } from './find-problems.ts';
import type { HealthReport } from './health.ts';
import type { ProblemKindName } from './problem-kinds.ts';
import type { Problem } from './problems.ts';
import type { WalFacts } from './wal-problems.ts';

type Check = HealthReport['checks'][number];

/** Which problems each check is about. A kind that stands in none is told all the same, among the problems. */
const kindsOfCheck: Readonly<Record<Check['check'], readonly ProblemKindName[]>> = {
  backups: ['no-backup', 'rpo-exceeded'],
  'failed-runs': ['backup-failed', 'validation-failed', 'task-not-started', 'stuck-run'],
  schedules: ['missed-run', 'missed-cleanup'],
  leases: ['stale-lease'],
  targets: ['target-unreachable'],
  wal: [
    'wal-not-archived',
    'wal-gap',
    'wal-conflict',
    'wal-receiver-silent',
    'wal-behind',
    'wal-slot-growing',
    'wal-slot-unbounded',
  ],
  key: ['key-unusable'],
  catalog: ['catalog-down', 'catalog-behind', 'reconciler-silent'],
  alerts: ['channel-down'],
};

/** The health check: what was looked at, what came out, and every problem there is. */
export function healthReport(facts: WatchFacts, now: Date): HealthReport {
  const problems = findProblems(facts, now);
  const checks = (Object.keys(kindsOfCheck) as Check['check'][]).map((check): Check => {
    const found = problems.filter(({ kind }) => kindsOfCheck[check].includes(kind));
    if (found.length > 0) return { check, status: 'problem', message: found.map(({ message }) => message).join('; ') };
    const unknown = whyUnknown(check, facts);
    return unknown === undefined
      ? { check, status: 'ok', message: whatIsWell(check, facts) }
      : { check, status: 'unknown', message: unknown };
  });
  return {
    formatVersion: 1,
    at: now.toISOString(),
    status: statusOf(checks, problems),
    checks,
    problems: [...problems],
  };
}

function statusOf(checks: readonly Check[], problems: readonly Problem[]): HealthReport['status'] {
  if (problems.length > 0) return 'problem';
  // Not every server tells how its WAL is archived, and not everybody wants to be told by other people: neither is a reason to worry.
  return checks.some(({ check, status }) => status === 'unknown' && check === 'targets') ? 'unknown' : 'ok';
}

function whyUnknown(check: Check['check'], facts: WatchFacts): string | undefined {
  if (check === 'targets' && facts.targets.length === 0) return 'the targets were not asked lately';
  if (check === 'wal') {
    const silent = facts.targets.filter(({ unarchivedWalFiles }) => unarchivedWalFiles === null);
    if (facts.targets.length === 0) return 'the targets were not asked lately';
    if (silent.length > 0)
      return `not known: ${silent.map(({ target, note, error }) => `'${target}' (${note ?? error?.message ?? 'it does not say'})`).join(', ')}`;
  }
  if (check === 'alerts' && facts.canary === undefined) return 'no channel of alerts has been proved yet';
  if (check === 'catalog' && !facts.hasCatalog) return 'the catalog was not asked from here';
  return undefined;
}

function lagOf({ target, state }: WalFacts): string {
  if (state === null) return `the log of '${target}' is not received yet`;
  return `the log of '${target}' is stored but for ${state.lagBytes} bytes, ${state.lagSeconds} s behind`;
}

function whatIsWell(check: Check['check'], facts: WatchFacts): string {
  const { series, schedules, leases, targets, canary } = facts;
  switch (check) {
    case 'backups':
      return `${series.filter(({ newest }) => newest !== null).length} of ${series.length} have a complete backup; none is late`;
    case 'failed-runs':
      return 'no scheduled backup has failed without a good one since';
    case 'schedules':
      return `${schedules.length} schedules and the cleanup, none of which was missed`;
    case 'leases':
      return `${leases.filter(({ isReleased }) => !isReleased).length} held, none of them stale`;
    case 'targets':
      return `${targets.length} asked, all of which answered`;
    case 'wal':
      return [
        'no server has more than 100 WAL files that wait to be archived',
        ...(facts.logs ?? []).map(lagOf),
        ...(facts.pushedLogs ?? []).map(({ target: of }) => `the log that the server of '${of}' pushes has no hole`),
      ].join('; ');
    case 'key':
      return 'nothing is known against it';
    case 'catalog':
      return 'up, and not behind the store';
    case 'alerts':
      return `${canary?.channels.length ?? 0} channels were proved to work`;
    default:
      return check satisfies never;
  }
}
