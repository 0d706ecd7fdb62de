import type { BaseSettings } from './base-settings.ts';

/** Since this version the command's options are in parentheses, and everything comes in one copy. */
const typedMessagesSince = 15;

/** Does the server send one copy whose messages say what they are, or one copy for each archive? */
export const hasTypedMessages = (major: number): boolean => major >= typedMessagesSince;

/**
 * The command for a backup that can be restored by itself: its WAL is in it, and a manifest with the SHA-256 of every file. The server does
 * not wait until its own archiving has the WAL too, which it may never have.
 */
export function baseBackupCommand(
  major: number,
  { label, settings, isIncremental }: { label: string; settings: BaseSettings; isIncremental: boolean },
): string {
  const { checkpoint, maxRateKiB } = settings;
  if (!hasTypedMessages(major)) {
    const words = [
      `LABEL '${label}'`,
      'PROGRESS',
      ...(checkpoint === 'fast' ? ['FAST'] : []),
      'WAL',
      'NOWAIT',
      ...(maxRateKiB === undefined ? [] : [`MAX_RATE ${maxRateKiB}`]),
      'TABLESPACE_MAP',
      "MANIFEST 'yes'",
      "MANIFEST_CHECKSUMS 'SHA256'",
    ];
    return `BASE_BACKUP ${words.join(' ')}`;
  }
  const options = [
    `LABEL '${label}'`,
    'PROGRESS true',
    `CHECKPOINT '${checkpoint}'`,
    'WAL true',
    'WAIT false',
    ...(maxRateKiB === undefined ? [] : [`MAX_RATE ${maxRateKiB}`]),
    'TABLESPACE_MAP true',
    "MANIFEST 'yes'",
    "MANIFEST_CHECKSUMS 'SHA256'",
    ...(isIncremental ? ['INCREMENTAL true'] : []),
  ];
  return `BASE_BACKUP (${options.join(', ')})`;
}
