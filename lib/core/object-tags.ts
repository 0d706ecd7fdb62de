/**
 * Tags that objects of a backup are written with. The vault's lifecycle rules select by them, so that a rule per retention time suffices
 * however many targets there are.
 */
export const objectTags = {
  /** `data` or `manifest`: a manifest expires first, so that no manifest ever names data that lifecycle has taken. */
  content: 'holdfast-content',
  /** How long the backup is to be kept, in whole days. */
  retentionDays: 'holdfast-retention-days',
} as const;

export type ObjectContent = 'data' | 'manifest';

/** The tags of one object of a backup that is kept for `retentionDays`. */
export function tagsOf(content: ObjectContent, retentionDays: number): Readonly<Record<string, string>> {
  return { [objectTags.content]: content, [objectTags.retentionDays]: String(retentionDays) };
}
