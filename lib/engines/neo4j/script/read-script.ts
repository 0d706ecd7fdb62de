import { TextDecoder } from 'node:util';
import { HoldfastError } from '../../../core/errors.ts';
import { LiteralReader, type Value } from './read-literal.ts';
import {
  awaitIndexesStatement,
  createNodes,
  createRelationships,
  databaseLine,
  epilogue,
  firstLine,
  lastLine,
  prelude,
  rowsBegin,
} from './statements.ts';
import { textLiteral } from './write-literal.ts';

/** A row of a script: `text` is its properties as they are written. */
export type NodeRow = {
  readonly id: number;
  readonly properties: Readonly<Record<string, Value>>;
  readonly text: string;
};
export type RelationshipRow = Omit<NodeRow, 'id'> & { readonly start: number; readonly end: number };

/** A statement of a script. Batches are numbered from 0, so that a loader can say how far it is. */
export type ScriptPart =
  | {
      readonly kind: 'nodes';
      readonly number: number;
      readonly labels: readonly string[];
      readonly rows: readonly NodeRow[];
    }
  | {
      readonly kind: 'relationships';
      readonly number: number;
      readonly type: string;
      readonly rows: readonly RelationshipRow[];
    }
  | { readonly kind: 'definition'; readonly statement: string };

/**
 * The statements of a script, in order, a batch of rows at a time. Takes what script-writer.ts writes and nothing else: nothing of a script is
 * ever run as it stands there but definitions, which are checked to be one of those. Throws `corrupt`, or `dump-incomplete` when the script
 * ends before its last line.
 */
export async function* readScript(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ScriptPart, void> {
  const lines = numberedLines(bytes);
  const counts = { nodes: 0, relationships: 0, definitions: 0 };
  let number = 0;
  let hasRelationships = false;

  await lines.expect(firstLine);
  const database = new LiteralReader(await lines.next(), databaseLine('').length).text();
  lines.require(databaseLine(textLiteral(database)));
  for (const statement of prelude) await lines.expect(`${statement};`);

  let line = await lines.next();
  for (; line === rowsBegin; line = await lines.next()) {
    const rows: string[] = [];
    for (line = await lines.next(); !line.startsWith('] '); line = await lines.next()) rows.push(line);
    const part = lines.located(() => batchOf(rows, line, number));
    number += 1;
    if (part.kind === 'nodes' && hasRelationships) throw lines.fault('nodes stand before relationships');
    hasRelationships ||= part.kind === 'relationships';
    counts[part.kind] += rows.length;
    yield part;
  }

  for (const [index, statement] of epilogue.entries()) {
    if (index > 0) line = await lines.next();
    lines.require(`${statement};`);
  }
  for (line = await lines.next(); line !== `${awaitIndexesStatement};`; line = await lines.next()) {
    counts.definitions += 1;
    const statement = lines.located(() => definitionOf(line));
    yield { kind: 'definition', statement };
  }
  await lines.expect(lastLine(counts));
  await lines.expectEnd();
}

type Batch = Exclude<ScriptPart, { readonly kind: 'definition' }>;

function batchOf(rows: readonly string[], end: string, number: number): Batch {
  if (rows.length === 0) throw new HoldfastError('corrupt', 'a batch has no rows');
  const reader = new LiteralReader(end, 2);
  if (end.startsWith('] AS row CREATE ')) {
    reader.expect(createNodes([]).split(' {')[0] ?? '');
    const labels = reader.labels();
    if (end !== `] ${createNodes(labels)};`) throw new HoldfastError('corrupt', 'a batch of nodes has another end');
    return { kind: 'nodes', number, labels, rows: rows.map((row, index) => nodeRow(row, index === rows.length - 1)) };
  }
  reader.expect(createRelationships('').split('``')[0] ?? '');
  const type = reader.name();
  if (end !== `] ${createRelationships(type)};`)
    throw new HoldfastError('corrupt', 'a batch of relationships has another end');
  const read = rows.map((row, index) => relationshipRow(row, index === rows.length - 1));
  return { kind: 'relationships', number, type, rows: read };
}

function nodeRow(line: string, isLast: boolean): NodeRow {
  const reader = new LiteralReader(line);
  reader.expect('[');
  const id = Number(reader.integer());
  reader.expect(',');
  return { id, ...rowProperties(reader, line, isLast) };
}

function relationshipRow(line: string, isLast: boolean): RelationshipRow {
  const reader = new LiteralReader(line);
  reader.expect('[');
  const start = Number(reader.integer());
  reader.expect(',');
  const end = Number(reader.integer());
  reader.expect(',');
  return { start, end, ...rowProperties(reader, line, isLast) };
}

function rowProperties(reader: LiteralReader, line: string, isLast: boolean): Pick<NodeRow, 'properties' | 'text'> {
  const from = reader.at;
  const properties = reader.properties();
  const text = line.slice(from, reader.at);
  reader.expect(isLast ? ']' : '],');
  if (reader.at !== line.length) throw new HoldfastError('corrupt', 'a row goes on after its end');
  return { properties, text };
}

/** What makes a constraint or an index, or drops one of the two that a new database has: names in quotation marks, and words that make no other statement. */
const definition = /^(?:CREATE (?:CONSTRAINT|\w+ INDEX) |DROP INDEX )/;

function definitionOf(line: string): string {
  if (!definition.test(line) || !line.endsWith(';'))
    throw new HoldfastError('corrupt', 'a line defines no constraint and no index');
  const statement = line.slice(0, -1);
  // A second statement would be run with it.
  if (/;/.test(statement.replaceAll(/`(?:[^`]|``)*`|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, '')))
    throw new HoldfastError('corrupt', 'a line holds more than one definition');
  return statement;
}

/** Lines of text out of bytes; the last has to be ended too. Says on which line a fault is. */
function numberedLines(bytes: AsyncIterable<Uint8Array>) {
  const source = splitLines(bytes);
  let number = 0;
  let current = '';
  const fault = (message: string): HoldfastError =>
    new HoldfastError('corrupt', `the script is none of Holdfast's: line ${number}: ${message}`);
  const next = async (): Promise<string> => {
    const { value, done } = await source.next();
    if (done) throw new HoldfastError('dump-incomplete', `the script ends after line ${number}, before its last line`);
    number += 1;
    current = value;
    return value;
  };
  const require = (wanted: string): void => {
    if (current !== wanted) throw fault(`expected '${wanted}'`);
  };
  return {
    next,
    fault,
    require,
    async expect(wanted: string): Promise<void> {
      await next();
      require(wanted);
    },
    async expectEnd(): Promise<void> {
      if (!(await source.next()).done) throw fault('something follows the last line');
    },
    located<Result>(read: () => Result): Result {
      try {
        return read();
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        throw fault(error.message);
      }
    },
  };
}

async function* splitLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  // A line may be much longer than a chunk: what is known to hold no end is not looked through again.
  let pieces: string[] = [];
  for await (const chunk of bytes) {
    const [first = '', ...lines] = decode(decoder, chunk).split('\n');
    pieces.push(first);
    const rest = lines.pop();
    if (rest === undefined) continue;
    yield pieces.join('');
    yield* lines;
    pieces = [rest];
  }
  pieces.push(decode(decoder, undefined));
  if (pieces.some((piece) => piece !== '')) throw new HoldfastError('dump-incomplete', 'the script ends within a line');
}

function decode(decoder: TextDecoder, chunk: Uint8Array | undefined): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch (cause) {
    throw new HoldfastError('corrupt', 'the script holds bytes that are no UTF-8', { cause });
  }
}
