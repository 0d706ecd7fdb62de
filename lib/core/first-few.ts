/** The first few of many sentences as one, and how many there are beside: a failure travels through systems that take a few KB and no more. */
export function firstFew(sentences: readonly string[], most = 5): string {
  const more = sentences.length - most;
  return sentences.slice(0, most).join('; ') + (more > 0 ? ` and ${more} more` : '');
}
