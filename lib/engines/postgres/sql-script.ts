/** The statements of a script of pg_dumpall, in order: comments, psql's own commands and empty statements left out. */
export function splitStatements(script: string): string[] {
  const statements: string[] = [];
  let statement = '';
  const tokens = script.matchAll(tokenPattern);
  for (const [token] of tokens) {
    const isBetween = statement.trim() === '';
    if (token.startsWith('--') || (isBetween && token.startsWith('\\'))) continue;
    if (token === ';') {
      if (!isBetween) statements.push(statement.trim());
      statement = '';
    } else statement += token;
  }
  if (statement.trim() !== '') statements.push(statement.trim());
  return statements;
}

/**
 * Quoted text is one token, so that a semicolon, a comment sign or a line break inside it means nothing. pg_dumpall writes E'…' with
 * doubled backslashes, and no dollar quotes.
 */
const tokenPattern =
  /[eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\\[^\n]*|;|[^eE'"\-\\;]+|[\s\S]/g;

/** The identifier that `text` begins with, unquoted, or undefined. */
export function leadingIdentifier(text: string): string | undefined {
  const match = /^\s*(?:"((?:[^"]|"")*)"|([^\s";,]+))/.exec(text);
  return match?.[1]?.replaceAll('""', '"') ?? match?.[2];
}
