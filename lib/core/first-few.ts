import { shortened } from './shortened.ts';

/** A name may have 4,096 bytes. */
const mostCharacters = 300;

/** The first few of many sentences as one, and how many there are beside: a failure travels through systems that take a few KB and no more. */
export function firstFew(sentences: readonly string[], most = 5): string {
  const more = sentences.length - most;
  const first = sentences.slice(0, most).map((sentence) => shortened(sentence, mostCharacters));
  return first.join('; ') + (more > 0 ? ` and ${more} more` : '');
}
