import type { Content, ContentEntry, ContentWords } from '../../../core/manifest.ts';
import { addSums, type DigestSum, digestText, emptySum } from '../../digest/digest-sum.ts';
import { RecordDigest } from '../../digest/record-digest.ts';
import { labelsText, quoteName } from '../script/names.ts';
import { NodeIdentities } from './node-identities.ts';

/** An element is a node or a relationship; its kind is the set of a node's labels, or a relationship's type. Each element is of one kind. */
export const kindsAndElements: ContentWords = { collection: 'kind', item: 'element' };

/**
 * What a graph holds, in counts and digests that depend neither on its order nor on the numbers of its nodes. Nodes come first: a relationship
 * is told by its type, its properties and the content of its ends. Used by whoever reads a graph, be it out of a database or a script, so that
 * all come to the same. Dispose of it.
 */
export class GraphDigest implements Disposable {
  readonly #digest = new RecordDigest();
  readonly #identities: NodeIdentities;
  readonly #nodes = new Map<string, { readonly labels: readonly string[]; sum: DigestSum }>();
  readonly #relationships = new Map<string, DigestSum>();
  readonly #definitions = new Map<string, number>();
  #definitionSum = emptySum;

  constructor(folder: string) {
    this.#identities = new NodeIdentities({ folder });
  }

  node(id: number, labels: readonly string[], properties: string): void {
    const key = labelsText(labels);
    const sum = this.#digest.sumOf(key + properties);
    this.#identities.set(id, sum.lanes[0]);
    const known = this.#nodes.get(key);
    if (known === undefined) this.#nodes.set(key, { labels, sum });
    else known.sum = addSums(known.sum, sum);
  }

  /** False, and not taken in, when one of its ends is no node that was taken in. */
  relationship(ends: { readonly start: number; readonly end: number }, type: string, properties: string): boolean {
    const start = this.#identities.get(ends.start);
    const end = this.#identities.get(ends.end);
    if (start === undefined || end === undefined) return false;
    const sum = this.#digest.sumOf(`${digits(start)}-[:${quoteName(type)}${properties}]->${digits(end)}`);
    this.#relationships.set(type, addSums(this.#relationships.get(type) ?? emptySum, sum));
    return true;
  }

  /** A statement that makes a constraint or an index. What drops one is no definition. */
  definition(statement: string): void {
    const [, kind] = /^CREATE (CONSTRAINT|\w+ INDEX) /.exec(statement) ?? [];
    if (kind === undefined) return;
    this.#definitions.set(kind, (this.#definitions.get(kind) ?? 0) + 1);
    this.#definitionSum = addSums(this.#definitionSum, this.#digest.sumOf(statement));
  }

  content(): Content {
    const nodes = [...this.#nodes.values()].map(({ labels, sum }) => entryOf('node', nameOf(labels), sum));
    const relationships = [...this.#relationships].map(([type, sum]) => entryOf('relationship', simple(type), sum));
    return {
      words: kindsAndElements,
      tables: [...nodes, ...relationships].sort((one, other) => compareText(keyOf(one), keyOf(other))),
      definitions: {
        counts: Object.fromEntries([...this.#definitions].sort(([one], [other]) => compareText(one, other))),
        digest: digestText(this.#definitionSum),
      },
    };
  }

  [Symbol.dispose](): void {
    this.#identities[Symbol.dispose]();
  }
}

const digits = (identity: bigint): string => identity.toString(16).padStart(16, '0');

const entryOf = (schema: string, name: string, { rows, bytes, lanes }: DigestSum): ContentEntry => ({
  schema,
  name,
  rows,
  bytes,
  digest: digestText({ lanes }),
});

const keyOf = ({ schema, name }: ContentEntry): string => `${schema} ${name}`;
const compareText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** `Person`, `` `a b` ``, `Admin:Person`. */
const simple = (name: string): string => (/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) ? name : quoteName(name));
const nameOf = (labels: readonly string[]): string => labels.toSorted().map(simple).join(':') || '(no label)';
