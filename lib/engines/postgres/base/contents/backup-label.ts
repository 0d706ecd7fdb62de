import { HoldfastError } from '../../../../core/errors.ts';
import { type Lsn, parseLsn } from '../../replication/lsn.ts';

/** Where recovery from a backup begins, as the file `backup_label` tells the server. */
export type BackupLabel = {
  readonly startLsn: Lsn;
  readonly timeline: number;
  /** Was it taken from a standby? */
  readonly fromStandby: boolean;
  /** Of an incremental backup, where the one that it builds on began. @default - it builds on none */
  readonly parentStartLsn?: Lsn;
  /** And the timeline of that one. */
  readonly parentTimeline?: number;
};

/** Throws `corrupt` for what no server writes. */
export function parseBackupLabel(text: string): BackupLabel {
  const lines = new Map(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf(': ');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 2)] as const];
    }),
  );
  const [start] = (lines.get('START WAL LOCATION') ?? '').split(' ');
  const timeline = Number(lines.get('START TIMELINE'));
  const parent = lines.get('INCREMENTAL FROM LSN');
  try {
    if (!Number.isInteger(timeline) || timeline < 1) throw new Error('there is no timeline');
    return {
      startLsn: parseLsn(start ?? ''),
      timeline,
      fromStandby: lines.get('BACKUP FROM') === 'standby',
      ...(parent !== undefined && {
        parentStartLsn: parseLsn(parent),
        parentTimeline: Number(lines.get('INCREMENTAL FROM TLI')),
      }),
    };
  } catch (cause) {
    throw new HoldfastError('corrupt', "the archive's backup_label does not say where the backup begins", { cause });
  }
}
