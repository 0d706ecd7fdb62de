import type { ContentWords } from '../core/manifest.ts';
import type { Comparison } from './engine.ts';

/** The same comparison, with more for the reader to know. */
export const withRemarks = (comparison: Comparison, remarks: readonly string[]): Comparison => ({
  ...comparison,
  remarks: [...comparison.remarks, ...remarks],
});

/** Of what was made anew and has nothing to read back, as roles and users have not. */
export const nothingCompared = (words: ContentWords, remarks: readonly string[]): Comparison => ({
  ...{ same: true, words, collectionsCompared: 0, itemsCompared: 0, differences: [] },
  remarks,
});
