import { describeError, HoldfastError } from '../../core/errors.ts';
import type { BackupId, TargetName } from '../../core/ids.ts';
import type { Manifest } from '../../core/manifest.ts';
import type { Hold } from '../../core/retention/facts.ts';
import { currentHold } from '../../lifecycle/hold-backup.ts';
import { listBackups, readManifest } from '../../store/backups.ts';
import type { Store } from '../../store/store.ts';
import type { CliContext } from '../context.ts';
import { direct, parseTarget } from '../direct.ts';
import { bytes, oneLine, printable, table } from '../output.ts';

type Options = { readonly target?: string; readonly limit?: string };

export async function run(context: CliContext, { target, limit = '50' }: Options): Promise<number> {
  const shown = parseLimit(limit);
  const found = await direct(context, async ({ store }) => {
    const all = await Array.fromAsync(listBackups(store, target === undefined ? undefined : parseTarget(target)));
    const newest = all.toSorted((a, b) => (a.id < b.id ? 1 : -1)).slice(0, shown);
    return Promise.all(newest.map((backup) => readOrSay(store, backup)));
  });
  const unreadable = found.flatMap((backup) => ('message' in backup ? [backup] : []));
  const manifests = found.flatMap((backup) => ('message' in backup ? [] : [backup]));
  const backups = manifests.map(
    ({ backupId, target: of, engine, method, tier, status, endedAt, plainBytes, storedBytes, retention, hold }) => ({
      backupId,
      target: of,
      engine,
      method,
      tier,
      status,
      endedAt,
      plainBytes,
      storedBytes,
      retentionUntil: retention.until,
      hold,
    }),
  );
  context.output.result({ backups, unreadable }, () => [
    ...(found.length === 0
      ? [
          target === undefined
            ? "no backups yet: 'holdfast backup <target>' takes one"
            : `no backups of '${target}': 'holdfast list' shows those of all targets`,
        ]
      : table(
          ['BACKUP', 'TARGET', 'METHOD', 'TIER', 'STATUS', 'SIZE', 'STORED', 'KEPT UNTIL'],
          backups.map((backup) => [
            backup.backupId,
            backup.target,
            backup.method,
            backup.tier,
            backup.status,
            bytes(backup.plainBytes),
            bytes(backup.storedBytes),
            backup.hold === null
              ? backup.retentionUntil.slice(0, 10)
              : `held by '${printable(backup.hold.by)}': ${oneLine(backup.hold.reason)}`,
          ]),
        )),
    ...unreadable.flatMap(({ message, hint }) => [`not shown: ${message}`, `  HINT: ${hint}`]),
  ]);
  return 0;
}

const isOfTheBackup: ReadonlySet<HoldfastError['code']> = new Set([
  'manifest-newer',
  'manifest-unreadable',
  'corrupt',
  'backup-unknown',
]);

type Listed = Manifest & { readonly hold: Hold | null };

type Unreadable = { readonly backupId: BackupId; readonly target: TargetName } & ReturnType<typeof describeError>;

/** A backup whose manifest or hold cannot be read (of a newer Holdfast, or damaged) is named, and hides none of the others. */
async function readOrSay(
  store: Store,
  { target, id }: { readonly target: TargetName; readonly id: BackupId },
): Promise<Listed | Unreadable> {
  try {
    return { ...(await readManifest(store, target, id)), hold: await currentHold(store, id) };
  } catch (error) {
    if (error instanceof HoldfastError && isOfTheBackup.has(error.code))
      return { backupId: id, target, ...describeError(error) };
    throw error;
  }
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new HoldfastError('usage', `--limit: '${text}' is not a number of backups`);
}
