import { labelsText } from './names.ts';
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

/** A statement in the making: rows that are created by the same one. */
type Batch = { readonly end: string; rows: string; count: number };

/** What Cypher's parser and planner need for a list of literals grows faster than the list: of 500 rows, each costs twice what it costs of 50. */
const mostRows = 100;
const mostCharacters = 64 * 1024;
/** Over all statements in the making: there is one for each set of labels, or type. */
const mostOpenCharacters = 8 * 1024 * 1024;

/**
 * Writes a script, in the order of its calls: `begin`, nodes, relationships, `define`, `end`. Holds 8 MiB of rows at most, whatever the number of
 * sets of labels, and the largest row.
 */
export class ScriptWriter {
  readonly #open = new Map<string, Batch>();
  #openCharacters = 0;
  #ready: string[] = [];
  #readyCharacters = 0;
  #nodes = 0;
  #relationships = 0;
  #definitions = 0;

  begin(database: string): void {
    this.#write(`${firstLine}\n${databaseLine(textLiteral(database))}\n${prelude.map(ended).join('')}`);
  }

  node(id: number, labels: readonly string[], properties: string): void {
    this.#nodes += 1;
    this.#add(labelsText(labels), () => createNodes(labels), `[${id},${properties}]`);
  }

  relationship(ends: { readonly start: number; readonly end: number }, type: string, properties: string): void {
    // The nodes that it joins have to be there.
    if (this.#relationships === 0) this.#flushAll();
    this.#relationships += 1;
    this.#add(type, () => createRelationships(type), `[${ends.start},${ends.end},${properties}]`);
  }

  /** All constraints and indexes, each as the statement that makes it. */
  define(statements: readonly string[]): void {
    this.#flushAll();
    this.#definitions = statements.length;
    this.#write([...epilogue, ...statements, awaitIndexesStatement].map(ended).join(''));
  }

  end(): void {
    const counts = { nodes: this.#nodes, relationships: this.#relationships, definitions: this.#definitions };
    this.#write(`${lastLine(counts)}\n`);
  }

  /** What is ready to be read, or undefined when that is nothing, or less than `atLeast` characters. */
  take(atLeast = 1): Buffer | undefined {
    if (this.#readyCharacters < atLeast) return undefined;
    const text = this.#ready.join('');
    this.#ready = [];
    this.#readyCharacters = 0;
    return Buffer.from(text, 'utf8');
  }

  #write(text: string): void {
    this.#ready.push(text);
    this.#readyCharacters += text.length;
  }

  #add(key: string, end: () => string, row: string): void {
    let batch = this.#open.get(key);
    if (batch === undefined) {
      batch = { end: end(), rows: '', count: 0 };
      this.#open.set(key, batch);
    }
    batch.rows += batch.count === 0 ? row : `,\n${row}`;
    batch.count += 1;
    this.#openCharacters += row.length + 2;
    if (batch.count >= mostRows || batch.rows.length >= mostCharacters) this.#flush(key, batch);
    else if (this.#openCharacters >= mostOpenCharacters) this.#flushAll();
  }

  #flush(key: string, { rows, end }: Batch): void {
    this.#open.delete(key);
    this.#openCharacters = Math.max(0, this.#openCharacters - rows.length);
    this.#write(`${rowsBegin}\n${rows}\n] ${end};\n`);
  }

  #flushAll(): void {
    for (const [key, batch] of this.#open) this.#flush(key, batch);
    this.#openCharacters = 0;
  }
}

const ended = (statement: string): string => `${statement};\n`;
