/**
 * Every kind of problem that Holdfast notices, once: alarms, alert rules, alerts, the status page and runbooks take words, severity and
 * the first command from here. Each kind has a runbook of its name in `docs/runbooks/`.
 *
 * `first` may hold `<target>`, which is filled in where the problem has one.
 */
type ProblemKind = {
  readonly severity: 'critical' | 'warning';
  /** What it means for whoever depends on the backups. */
  readonly impact: string;
  /** The first command. */
  readonly first: string;
};

const kinds = {
  'no-backup': {
    severity: 'critical',
    impact: 'what changed since the newest backup cannot be restored',
    first: 'holdfast backup <target>',
  },
  'backup-failed': {
    severity: 'critical',
    impact: 'the newest backup is older than it should be, and older still with every run that fails',
    first: 'holdfast probe <target>',
  },
  'validation-failed': {
    severity: 'critical',
    impact: 'a backup cannot be read as it was written; do not count on it',
    first: 'holdfast validate latest --target <target>',
  },
  'restore-failed': {
    severity: 'warning',
    impact: 'what was to be brought back is not there; what was there before is as it was',
    first: 'holdfast validate latest --target <target>',
  },
  'approval-awaited': {
    severity: 'warning',
    impact: 'a recovery does not begin before a second person has approved it, and is given up when nobody does',
    first: 'holdfast requests',
  },
  'restore-test-failed': {
    severity: 'critical',
    impact: 'the backup that was tested did not come back as it was; others of the target may not either',
    first: 'holdfast validate latest --target <target>',
  },
  'cleanup-failed': {
    severity: 'warning',
    impact: 'backups whose time is over stay, and cost what they cost; none is lost by it',
    first: 'holdfast cleanup --dry-run',
  },
  'executions-failed': {
    severity: 'warning',
    impact: 'a run ended badly, perhaps without having been able to say so',
    first: 'holdfast health',
  },
  'task-not-started': {
    severity: 'critical',
    impact: 'no backup of any target can run until tasks start again',
    first: 'aws ecs list-tasks --cluster CLUSTER --desired-status STOPPED',
  },
  'missed-run': {
    severity: 'critical',
    impact: 'a backup that was due was never begun',
    first: 'holdfast backup <target>',
  },
  'missed-starts': {
    severity: 'critical',
    impact: 'a schedule could not start what was due and gave up: that run did not take place',
    first: 'holdfast health',
  },
  'missed-cleanup': {
    severity: 'warning',
    impact: 'backups whose time is over stay, and cost what they cost; none is lost by it',
    first: 'holdfast cleanup',
  },
  'requests-waiting': {
    severity: 'warning',
    impact: 'what people asked for by SQL is not begun; backups by schedule, command line and API are',
    first: 'holdfast requests',
  },
  'stuck-run': {
    severity: 'warning',
    impact: 'the next backup of the target is refused for as long as this one holds the lease',
    first: 'holdfast list <target>',
  },
  'stale-lease': {
    severity: 'warning',
    impact: 'a run died without giving its lease back; the next run takes it over by itself',
    first: 'holdfast health',
  },
  'reconciler-silent': {
    severity: 'warning',
    impact: 'runs that died get no ending, and the catalog falls behind the store',
    first: 'holdfast doctor',
  },
  'watch-silent': {
    severity: 'critical',
    impact: 'nobody notices missed, stuck and failing backups meanwhile',
    first: 'holdfast health',
  },
  'catalog-behind': {
    severity: 'warning',
    impact: 'backups are safe and go on; lists and queries of the catalog miss the newest',
    first: 'holdfast catalog rebuild',
  },
  'catalog-down': {
    severity: 'warning',
    impact: 'backups are safe and go on; the catalog cannot be asked and is brought up to date later',
    first: 'holdfast catalog migrate',
  },
  'key-unusable': {
    severity: 'critical',
    impact: 'no backup can be made or read until the key can be used; deleted for good, all backups under it are lost',
    first: 'holdfast doctor',
  },
  'rpo-exceeded': {
    severity: 'critical',
    impact: 'more would be lost today than the recovery point objective of the target allows',
    first: 'holdfast backup <target>',
  },
  'rto-exceeded': {
    severity: 'warning',
    impact: 'bringing the target back takes longer than its recovery time objective allows',
    first: 'holdfast show latest --target <target>',
  },
  'not-verified': {
    severity: 'warning',
    impact: 'that backups of the target restore has not been proved for long',
    first: 'holdfast validate latest --target <target>',
  },
  'target-unreachable': {
    severity: 'critical',
    impact: 'the next backup of the target will fail as well',
    first: 'holdfast probe <target>',
  },
  'wal-not-archived': {
    severity: 'critical',
    impact: 'the server keeps its WAL until it is archived: its disk fills up, and it stops when it is full',
    first: 'holdfast probe <target>',
  },
  'wal-gap': {
    severity: 'critical',
    impact:
      'points after the hole need a base backup from after it; until there is one, what changed since is not safe',
    first: 'holdfast backup <target> --method base',
  },
  'wal-conflict': {
    severity: 'critical',
    impact:
      'nothing of the log is stored any more: the server writes other bytes than the store has for the same place',
    first: 'holdfast wal status --target <target>',
  },
  'wal-receiver-silent': {
    severity: 'critical',
    impact: 'the log of the target is not stored, and the server keeps all of it on its own disk',
    first: 'holdfast wal status --target <target>',
  },
  'wal-behind': {
    severity: 'critical',
    impact: 'more than five minutes of changes would be lost if the server were lost now',
    first: 'holdfast wal status --target <target>',
  },
  'wal-slot-growing': {
    severity: 'critical',
    impact: "the server's disk fills with log that is not stored, or the server gives the log up, which leaves a hole",
    first: 'holdfast wal status --target <target>',
  },
  'wal-slot-unbounded': {
    severity: 'warning',
    impact: 'a receiver that is away for long fills the disk of the server, which stops when it is full',
    first: 'holdfast postgres settings <target>',
  },
  'volume-full': {
    severity: 'warning',
    impact: 'backups fail once the volume is full',
    first: 'holdfast list',
  },
  'health-check-silent': {
    severity: 'warning',
    impact: 'whether targets can be reached, and archive their WAL, is not known',
    first: 'holdfast health',
  },
  'channel-down': {
    severity: 'critical',
    impact: 'alerts do not arrive by this channel; this one came by another',
    first: 'holdfast alerts',
  },
  'canary-silent': {
    severity: 'critical',
    impact: 'whether alerts arrive by this channel has not been proved for more than a day',
    first: 'holdfast alerts',
  },
  'alerts-undelivered': {
    severity: 'critical',
    impact: 'an alert reached nobody, or not everybody',
    first: 'holdfast health',
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemKindName = keyof typeof kinds;

/** The table of kinds, by name. */
export const problemKinds: Readonly<Record<ProblemKindName, ProblemKind>> = kinds;

export const problemKindNames = Object.keys(kinds) as readonly ProblemKindName[];

/** What tells one problem from another: its kind, and what it is about. Alarms bear it as their name, so that both are one problem. */
export const problemId = (kind: ProblemKindName, subject?: string): string =>
  subject === undefined ? kind : `${kind}-${subject}`;

/** The kind that a problem's id begins with, and what it is about; undefined for an id of nothing known. */
export function parseProblemId(
  id: string,
): { readonly kind: ProblemKindName; readonly subject: string | undefined } | undefined {
  // The longest first: no kind may be taken for the beginning of another.
  const kind = problemKindNames
    .toSorted((a, b) => b.length - a.length)
    .find((name) => id === name || id.startsWith(`${name}-`));
  return kind && { kind, subject: id === kind ? undefined : id.slice(kind.length + 1) };
}

/** The kind's first command, for one target or as it is typed for any. */
export const firstCommand = (kind: ProblemKindName, target: string | undefined): string =>
  kinds[kind].first.replaceAll('<target>', target ?? '<target>');

/** The runbook of a kind, from the project's folder. */
export const runbookOf = (kind: ProblemKindName): string => `docs/runbooks/${kind}.md`;
