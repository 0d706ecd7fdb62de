import { HoldfastError } from '../../core/errors.ts';
import { currentHold } from '../../lifecycle/hold-backup.ts';
import { listBackups, readManifest } from '../../store/backups.ts';
import type { CliContext } from '../context.ts';
import { direct, parseTarget } from '../direct.ts';
import { bytes, oneLine, printable, table } from '../output.ts';

type Options = { readonly target?: string; readonly limit?: string };

export async function run(context: CliContext, { target, limit = '50' }: Options): Promise<number> {
  const shown = parseLimit(limit);
  const manifests = await direct(context, async ({ store }) => {
    const found = await Array.fromAsync(listBackups(store, target === undefined ? undefined : parseTarget(target)));
    const newest = found.toSorted((a, b) => (a.id < b.id ? 1 : -1)).slice(0, shown);
    return Promise.all(
      newest.map(async ({ target: of, id }) => ({
        ...(await readManifest(store, of, id)),
        hold: await currentHold(store, id),
      })),
    );
  });
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
  context.output.result({ backups }, () =>
    backups.length === 0
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
        ),
  );
  return 0;
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new HoldfastError('usage', `--limit: '${text}' is not a number of backups`);
}
