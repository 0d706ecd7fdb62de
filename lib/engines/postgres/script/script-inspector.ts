import type { Content, ContentEntry } from '../../../core/manifest.ts';
import { addSums, type DigestSum, digestText, emptySum } from '../../digest/digest-sum.ts';
import { contentOf } from '../archive/archive-content.ts';
import { decodeName, quoteName } from '../archive/byte-feed.ts';
import { isCountedEntry } from '../archive/counted-entries.ts';
import { BlockDigest } from '../archive/row-digest.ts';
import { endsEarly, malformed } from './script-faults.ts';
import { LargeObjectStatements } from './script-large-objects.ts';
import { ScriptLexer } from './script-lexer.ts';

/** What a script says of itself, and what is in it. */
export type ScriptInspection = {
  readonly content: Content;
  readonly facts: {
    readonly serverVersion: string;
    readonly toolVersion: string;
    /** How many objects and data of objects it announces, all kinds. */
    readonly entries: number;
  };
};

/** The longest statement that is looked into: `COPY` with 1,600 columns of the longest names, and the largest piece of a large object. */
const keptBytes = 1024 * 1024;
const lastComment = '-- PostgreSQL database dump complete';

/**
 * Proves an SQL script of pg_dump whole to its last line, and takes the same counts and digests of rows and large objects from its bytes as
 * they pass that the archive's inspector takes. Chunks may be split anywhere and are not kept.
 *
 * `write` and `end` throw `corrupt` for what no pg_dump writes, and `dump-incomplete` when the script ends too soon. A command of psql
 * other than pg_dump's own guard is `corrupt`: a name in the source may have been made to smuggle it in.
 */
export class ScriptInspector {
  readonly #lexer = new ScriptLexer({
    piece: (bytes) => this.#piece(bytes),
    statement: (offset) => this.#statement(offset),
    rows: (bytes, offset) => this.#takeRows(bytes, offset),
    line: (line, offset) => this.#line(line, offset),
  });
  readonly #statementDigest = new BlockDigest();
  readonly #rowDigest = new BlockDigest();
  readonly #largeObjects = new LargeObjectStatements();
  readonly #counts = new Map<string, number>();
  readonly #tables: (Pick<ContentEntry, 'schema' | 'name'> & { readonly sum: DigestSum })[] = [];
  readonly #versions = { server: '', tool: '' };
  #definitions = emptySum;
  #entries = 0;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #table: Pick<ContentEntry, 'schema' | 'name'> | undefined;
  #guard: string | undefined;
  #isComplete = false;
  #lastBytes = '';

  /** Looks at the next bytes; they are not needed afterwards. */
  write(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#lastBytes = (this.#lastBytes + Buffer.from(chunk.subarray(-2)).toString('latin1')).slice(-2);
    this.#lexer.write(chunk);
  }

  /** Says that these were all bytes, and gives what was found. */
  end(): ScriptInspection {
    this.#lexer.end();
    const hasLastLine = this.#isComplete && this.#guard === undefined && this.#lastBytes === '\n\n';
    if (!hasLastLine) throw endsEarly(this.#entries, "pg_dump's own last line");
    const definitions = { counts: sorted(this.#counts), digest: digestText(this.#definitions) };
    const content = contentOf(this.#tables, this.#largeObjects.end());
    const { server, tool } = this.#versions;
    return {
      content: { ...content, definitions },
      facts: { serverVersion: server, toolVersion: tool, entries: this.#entries },
    };
  }

  #piece(bytes: Uint8Array): void {
    if (this.#keptBytes === 0) this.#statementDigest.begin('record');
    this.#statementDigest.push(bytes);
    if (this.#keptBytes < keptBytes) this.#kept.push(Buffer.from(bytes));
    this.#keptBytes += bytes.length;
  }

  #statement(offset: number): 'statements' | 'rows' {
    const isWhole = this.#keptBytes <= keptBytes;
    const bytes = Buffer.concat(this.#kept);
    this.#kept = [];
    this.#keptBytes = 0;
    this.#statementDigest.end();
    if (this.#isComplete) throw malformed(offset, 'nothing after the last line', 'a statement');
    const start = bytes.toString('latin1', 0, 32);
    if (start.startsWith('COPY ')) return this.#copy(bytes, isWhole, offset);
    const isContent = start.startsWith('SELECT pg_catalog.lo') && this.#largeObjects.take(bytes, offset);
    if (!isContent && !isOfSession(start)) this.#definitions = addSums(this.#definitions, this.#statementDigest.sum());
    return 'statements';
  }

  #copy(bytes: Buffer, isWhole: boolean, offset: number): 'rows' {
    const table = isWhole ? copiedTable(decodeName(bytes)) : undefined;
    if (!table)
      throw malformed(offset, 'COPY into a table of a schema, FROM stdin', quoteName(bytes.toString('latin1')));
    this.#table = table;
    this.#rowDigest.begin('script-rows');
    return 'rows';
  }

  #takeRows(bytes: Uint8Array, offset: number): { taken: number; hasEnded: boolean } {
    const taken = this.#rowDigest.push(bytes);
    if (this.#rowDigest.state === 'more') return { taken, hasEnded: false };
    if (this.#rowDigest.state !== 'ended' || !this.#table) throw malformed(offset, 'rows', this.#rowDigest.state);
    this.#tables.push({ ...this.#table, sum: this.#rowDigest.sum() });
    this.#table = undefined;
    return { taken, hasEnded: true };
  }

  #line(line: Buffer, offset: number): void {
    const text = decodeName(line);
    if (text.startsWith('\\')) this.#command(text, offset);
    else if (text === lastComment) this.#isComplete = true;
    else {
      const [, server] = /^-- Dumped from database version (\S.*)$/.exec(text) ?? [];
      const [, tool] = /^-- Dumped by pg_dump version (\S.*)$/.exec(text) ?? [];
      if (server !== undefined) this.#versions.server = server;
      if (tool !== undefined) this.#versions.tool = tool;
      const [, tag, kind] =
        /^-- (?:Data for )?Name: (.*); Type: ([A-Z][A-Z _-]*); Schema: .*; Owner: .*$/.exec(text) ?? [];
      if (kind !== undefined) this.#entry(kind, tag ?? '');
    }
  }

  #entry(kind: string, tag: string): void {
    this.#entries++;
    if (isCountedEntry(kind, tag)) this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  /** `\restrict KEY` has psql refuse all other commands until `\unrestrict KEY`: minor versions since August 2025 write both. */
  #command(text: string, offset: number): void {
    const [, name, key] = /^\\(restrict|unrestrict) ([A-Za-z0-9]+)$/.exec(text) ?? [];
    if (name === 'restrict' && this.#guard === undefined && !this.#isComplete) this.#guard = key;
    else if (name === 'unrestrict' && this.#guard === key && this.#isComplete) this.#guard = undefined;
    else throw malformed(offset, 'SQL', `the command ${quoteName(text)} of psql`);
  }
}

/** Statements that set up the session, or hold the statements of large objects together. */
const isOfSession = (start: string): boolean =>
  /^(?:SET |SELECT pg_catalog\.set_config\('search_path'|BEGIN$|COMMIT$)/.test(start);

/** Schema and name in a `COPY` that pg_dump wrote. */
function copiedTable(statement: string): Pick<ContentEntry, 'schema' | 'name'> | undefined {
  const name = '("(?:[^"]|"")+"|[^"\\s.(]+)';
  const [, schema, table] = new RegExp(`^COPY ${name}\\.${name} .*FROM stdin$`, 's').exec(statement) ?? [];
  return schema === undefined || table === undefined ? undefined : { schema: unquoted(schema), name: unquoted(table) };
}

const unquoted = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([one], [other]) => (one < other ? -1 : 1)));
}
