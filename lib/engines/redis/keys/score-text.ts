/** A score as commands and JSON Lines write it: the shortest decimal that reads back as the same float, with the sign of zero. */
export function scoreText(score: number): string {
  if (Number.isFinite(score)) return Object.is(score, -0) ? '-0' : `${score}`;
  return score > 0 ? 'inf' : '-inf';
}

/** The score that a server wrote as text; NaN when it is none. */
export function parseScore(text: string): number {
  if (text === 'inf') return Infinity;
  if (text === '-inf') return -Infinity;
  return text === '' ? Number.NaN : Number(text);
}
