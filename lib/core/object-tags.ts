/**
 * Tags that objects of a backup are written with. The vault's lifecycle rules select by them, so that a rule per retention time suffices
 * however many targets there are.
 */
export const objectTags = {
  /** `data`, `manifest` or `wal`: manifests stay in the class in which they are read. */
  content: 'holdfast-content',
  /** How long the backup is to be kept, in whole days. */
  retentionDays: 'holdfast-retention-days',
  /** On what a cleanup was to remove and a lock kept, when no manifest names it any more: S3 removes it when it may. */
  expired: 'holdfast-expired',
} as const;

export type ObjectContent = 'data' | 'manifest';

/** The tags of a file of a server's write-ahead log, which is of no one backup. */
export const walTags: Readonly<Record<string, string>> = { [objectTags.content]: 'wal' };

/** The tags of an object that is of no backup any more. */
export const expiredTags: Readonly<Record<string, string>> = {
  [objectTags.content]: 'data',
  [objectTags.expired]: 'yes',
};

/** The tags of one object of a backup that is kept for `retentionDays`. */
export function tagsOf(content: ObjectContent, retentionDays: number): Readonly<Record<string, string>> {
  return { [objectTags.content]: content, [objectTags.retentionDays]: String(retentionDays) };
}
