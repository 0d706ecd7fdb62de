import { figures } from './metrics.ts';
import { firstCommand, type ProblemKindName, problemKinds, runbookOf } from './problem-kinds.ts';

/** One alert of Prometheus. */
export type PrometheusRule = {
  readonly alert: string;
  readonly expr: string;
  /** How long it must hold. */
  readonly for: string;
  readonly labels: { readonly severity: 'critical' | 'warning'; readonly kind: ProblemKindName };
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
};

const { name: problems } = figures.problems;
const seen = (kind: ProblemKindName): string => `${problems}{kind="${kind}"} > 0`;
const target = '{{ $labels.target }}';

type Row = {
  readonly alert: string;
  readonly kind: ProblemKindName;
  readonly expr: string;
  readonly for: string;
  /** @default - the kind's own */
  readonly severity?: 'critical' | 'warning';
  readonly summary: string;
};

/** The alerts, in the order of urgency. The first three have names and limits that users rely on. */
const rows: readonly Row[] = [
  {
    alert: 'BackupFailed',
    kind: 'backup-failed',
    expr: `${figures.backupStatus.name} == 0`,
    for: '15m',
    summary: `the last {{ $labels.type }} backup of '${target}' failed`,
  },
  {
    alert: 'BackupStale',
    kind: 'no-backup',
    expr: `${figures.backupAge.name} > 26`,
    for: '30m',
    severity: 'warning',
    summary: `the newest {{ $labels.type }} backup of '${target}' is {{ $value | humanize }} hours old`,
  },
  {
    alert: 'VolumeUsageHigh',
    kind: 'volume-full',
    expr: `${figures.volumeUsage.name} > 90`,
    for: '15m',
    summary: "the volume '{{ $labels.volume }}' is {{ $value | humanize }} % full",
  },
  {
    alert: 'VolumeUnhealthy',
    kind: 'volume-full',
    expr: `${figures.volumeHealth.name} == 0`,
    for: '5m',
    severity: 'critical',
    summary: "the volume '{{ $labels.volume }}' cannot be written to, or is 95 % full",
  },
  {
    alert: 'BackupMissing',
    kind: 'no-backup',
    expr: seen('no-backup'),
    for: '1m',
    summary: '{{ $value }} targets have no complete backup in the time in which there must have been one',
  },
  {
    alert: 'BackupMissed',
    kind: 'missed-run',
    expr: seen('missed-run'),
    for: '1m',
    summary: '{{ $value }} backups were due and never begun',
  },
  {
    alert: 'BackupTaskNotStarted',
    kind: 'task-not-started',
    expr: seen('task-not-started'),
    for: '1m',
    summary: 'backup tasks do not start',
  },
  {
    alert: 'BackupInvalid',
    kind: 'validation-failed',
    expr: `${figures.validationStatus.name} == 0`,
    for: '1m',
    summary: `a {{ $labels.type }} backup of '${target}' could not be read as it was written`,
  },
  {
    alert: 'KeyUnusable',
    kind: 'key-unusable',
    expr: seen('key-unusable'),
    for: '1m',
    summary: 'the key that wraps the key of every backup cannot be used',
  },
  {
    alert: 'RestorablePointOld',
    kind: 'rpo-exceeded',
    expr: seen('rpo-exceeded'),
    for: '5m',
    summary: '{{ $value }} targets can be restored only to a point older than their objective',
  },
  {
    alert: 'RestoreFailed',
    kind: 'restore-failed',
    expr: `${figures.recoveryStatus.name} == 0`,
    for: '1m',
    summary: `the last restore of '${target}' failed`,
  },
  {
    alert: 'RestoreSlow',
    kind: 'rto-exceeded',
    expr: `${figures.recoveryDuration.name} > on (target) ${figures.rto.name}`,
    for: '1m',
    summary: `the last restore of '${target}' took {{ $value | humanizeDuration }}, longer than its objective`,
  },
  {
    alert: 'RestoreTestFailed',
    kind: 'restore-test-failed',
    expr: seen('restore-test-failed'),
    for: '1m',
    summary: 'a backup was restored for a test and was not found the same',
  },
  {
    alert: 'BackupNotVerified',
    kind: 'not-verified',
    expr: `${figures.verifiedPointAge.name} > 14 * 86400`,
    for: '1h',
    summary: `no backup of '${target}' was restored and found the same for a fortnight`,
  },
  {
    alert: 'TargetUnreachable',
    kind: 'target-unreachable',
    expr: `${figures.targetReachable.name} == 0`,
    for: '5m',
    summary: `'${target}' gives no answer`,
  },
  {
    alert: 'WalNotArchived',
    kind: 'wal-not-archived',
    expr: `${figures.unarchivedWal.name} > 100`,
    for: '5m',
    summary: `{{ $value }} WAL files of '${target}' wait to be archived`,
  },
  {
    alert: 'WalBehind',
    kind: 'wal-behind',
    expr: `${figures.walLag.name} > 300`,
    for: '1m',
    summary: `the log of '${target}' in the store is {{ $value | humanizeDuration }} behind`,
  },
  {
    alert: 'WalSlotGrowing',
    kind: 'wal-slot-growing',
    expr: `${figures.walSlotRetained.name} > 10 * 1024 ^ 3`,
    for: '5m',
    summary: `the server of '${target}' keeps {{ $value | humanize1024 }}B of log that is not stored`,
  },
  {
    alert: 'WalGap',
    kind: 'wal-gap',
    expr: seen('wal-gap'),
    for: '1m',
    summary: 'a log has a hole: points after it need a base backup from after it',
  },
  {
    alert: 'WalConflict',
    kind: 'wal-conflict',
    expr: seen('wal-conflict'),
    for: '1m',
    summary: 'a server writes other bytes than the store has of its log',
  },
  {
    alert: 'WalReceiverSilent',
    kind: 'wal-receiver-silent',
    expr: seen('wal-receiver-silent'),
    for: '1m',
    summary: 'the receiver of a log is silent, or has given up',
  },
  {
    alert: 'WalSlotUnbounded',
    kind: 'wal-slot-unbounded',
    expr: seen('wal-slot-unbounded'),
    for: '1h',
    summary: 'nothing limits what a server keeps for its receiver',
  },
  {
    alert: 'CleanupMissed',
    kind: 'missed-cleanup',
    expr: seen('missed-cleanup'),
    for: '1m',
    summary: 'the cleanup was due and never begun',
  },
  {
    alert: 'RequestsWaiting',
    kind: 'requests-waiting',
    expr: seen('requests-waiting'),
    for: '1m',
    summary: 'nobody takes what people ask for by SQL',
  },
  {
    alert: 'BackupStuck',
    kind: 'stuck-run',
    expr: seen('stuck-run'),
    for: '5m',
    summary: '{{ $value }} runs last longer than one may',
  },
  {
    alert: 'LeaseStale',
    kind: 'stale-lease',
    expr: seen('stale-lease'),
    for: '15m',
    summary: '{{ $value }} leases ran out and were not given back',
  },
  {
    alert: 'CatalogDown',
    kind: 'catalog-down',
    expr: `${figures.catalogUp.name} == 0`,
    for: '30m',
    summary: 'the catalog cannot be asked',
  },
  {
    alert: 'CatalogBehind',
    kind: 'catalog-behind',
    expr: `${figures.catalogBehind.name} > 0`,
    for: '1h',
    summary: 'the catalog lacks {{ $value }} events that the store has',
  },
  {
    alert: 'ReconcilerSilent',
    kind: 'reconciler-silent',
    expr: `${figures.reconcilerAge.name} > 3600`,
    for: '5m',
    summary: 'the reconciler has not ended well for {{ $value | humanizeDuration }}',
  },
  {
    alert: 'WatchSilent',
    kind: 'watch-silent',
    expr: `${figures.watchAge.name} > 1800 or absent(${figures.buildInfo.name})`,
    for: '15m',
    summary: 'Holdfast is not watched, or gives no figures',
  },
  {
    alert: 'HealthCheckSilent',
    kind: 'health-check-silent',
    expr: `${figures.healthCheckAge.name} > 2 * 3600`,
    for: '5m',
    summary: 'there was no health check for {{ $value | humanizeDuration }}',
  },
  {
    alert: 'AlertChannelDown',
    kind: 'channel-down',
    expr: `${figures.channelStatus.name} == 0`,
    for: '1m',
    summary: "Holdfast's own alerts do not arrive by {{ $labels.channel }}",
  },
  {
    alert: 'AlertCanarySilent',
    kind: 'canary-silent',
    expr: `${figures.channelAge.name} > 26 * 3600`,
    for: '5m',
    summary:
      "it was not proved for {{ $value | humanizeDuration }} that Holdfast's own alerts arrive by {{ $labels.channel }}",
  },
];

/** The alerts as Prometheus reads them. */
export const prometheusRules: readonly PrometheusRule[] = rows.map(
  ({ alert, kind, expr, for: duration, severity, summary }) => ({
    alert,
    expr,
    for: duration,
    labels: { severity: severity ?? problemKinds[kind].severity, kind },
    annotations: {
      summary,
      description: `It means: ${problemKinds[kind].impact}. First: ${firstCommand(kind, isPerTarget(expr) ? target : undefined)}`,
      runbook_url: runbookOf(kind),
    },
  }),
);

/** Has the alert a target in its labels? */
function isPerTarget(expr: string): boolean {
  const names = Object.values(figures).filter(({ labels }) => (labels as readonly string[]).includes('target'));
  return names.some(({ name }) => expr.includes(name));
}
