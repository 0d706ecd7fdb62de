/**
 * What a script (and a restore in the making) puts on nodes so that relationships find their ends, and takes away at the end. A database that
 * has such labels holds a restore that did not end.
 */
export const nodeLabel = 'holdfast-node';
export const idProperty = 'holdfast-id';
export const idConstraint = 'holdfast-node-id';

/**
 * A name as Cypher takes it whatever it holds, on one line. Cypher replaces `\uXXXX` before it looks at anything else, so a backslash itself is
 * written in that way: Neo4j's own `createStatement` leaves it, and then names another thing.
 */
export function quoteName(name: string): string {
  const cached = quoted.get(name);
  if (cached !== undefined) return cached;
  const text = `\`${name.replaceAll('`', '``').replaceAll(unsafeInNames, escapeOf)}\``;
  if (quoted.size >= mostCached) quoted.clear();
  quoted.set(name, text);
  return text;
}

/** Every property of every row is asked for. */
const quoted = new Map<string, string>();
const mostCached = 10_000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to be found
const unsafeInNames = /[\\\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/g;

/** `\u000a` of a line feed. */
export const escapeOf = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The labels of a node, in the order of their code units: `` :`A`:`B` ``, empty for none. */
export function labelsText(labels: readonly string[]): string {
  // As most nodes have it.
  if (labels.length === 1) return `:${quoteName(labels[0] ?? '')}`;
  return labels
    .toSorted()
    .map((label) => `:${quoteName(label)}`)
    .join('');
}
