import { createHash, type Hash } from 'node:crypto';
import { HoldfastError } from '../../../core/errors.ts';
import type { Stretch } from '../native/libc.ts';
import { type Entry, shownPath } from '../tree/entry.ts';
import { type TreeContent, TreeSum } from '../tree/tree-content.ts';
import { TarReader, type TarVisitor } from './tar-reader.ts';

/** What else is done with an archive's entries while they are summed. */
export type ContentHooks = {
  begin?(entry: Entry): void;
  /** Bytes of the file that began last, and where in it they belong. */
  data?(bytes: Uint8Array, position: number): void;
  /** The entry is whole; `digest` is the SHA-256 of a file's content. */
  end?(entry: Entry, digest: Uint8Array | undefined): void;
  /** The entry that ended last is replaced by the next one. */
  drop?(entry: Entry, digest: Uint8Array | undefined): void;
};

/** Sums what an archive holds, as reading the tree has summed it. */
export class TarContent implements TarVisitor {
  readonly #hooks: ContentHooks;
  readonly #sum = new TreeSum();
  #last: { readonly entry: Entry; readonly digest: Uint8Array | undefined } | undefined;
  #entry: Entry | undefined;
  #hash: Hash | undefined;
  #stretches: readonly Stretch[] = [];
  #stretch = 0;
  /** Where in the file the next data belong. */
  #position = 0;
  #left = 0;

  constructor(hooks: ContentHooks = {}) {
    this.#hooks = hooks;
  }

  begin(entry: Entry, { stretches, isAgain }: Parameters<TarVisitor['begin']>[1]): void {
    if (isAgain && this.#last?.entry.path.equals(entry.path)) {
      this.#sum.remove(this.#last.entry, this.#last.digest);
      this.#hooks.drop?.(this.#last.entry, this.#last.digest);
    }
    this.#hooks.begin?.(entry);
    this.#entry = entry;
    this.#hash = entry.kind === 'file' ? createHash('sha256') : undefined;
    this.#stretches = stretches ?? [{ start: 0, length: entry.size }];
    this.#stretch = -1;
    this.#position = 0;
    this.#left = 0;
  }

  data(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#left === 0) this.#nextStretch();
      const piece = bytes.subarray(at, at + this.#left);
      this.#hash?.update(piece);
      this.#hooks.data?.(piece, this.#position);
      this.#left -= piece.length;
      this.#position += piece.length;
      at += piece.length;
    }
  }

  end(): void {
    const entry = this.#entry as Entry;
    if (this.#hash) hashZeros(this.#hash, entry.size - this.#position);
    const digest = this.#hash?.digest();
    this.#sum.add(entry, digest);
    this.#hooks.end?.(entry, digest);
    this.#last = { entry, digest };
  }

  result(): TreeContent {
    return this.#sum.content();
  }

  #nextStretch(): void {
    do this.#stretch += 1;
    while (this.#stretches[this.#stretch]?.length === 0);
    const { start, length } = this.#stretches[this.#stretch] as Stretch;
    if (this.#hash) hashZeros(this.#hash, start - this.#position);
    this.#position = start;
    this.#left = length;
  }
}

/** The content of an archive of Holdfast's own. Throws `corrupt` and `dump-incomplete`. */
export async function inspectTar(bytes: AsyncIterable<Uint8Array>, hooks: ContentHooks = {}): Promise<TreeContent> {
  const content = new TarContent({
    ...hooks,
    begin(entry) {
      if (!isInside(entry.path))
        throw new HoldfastError('corrupt', `the archive names '${shownPath(entry.path)}', which lies outside of it`);
      hooks.begin?.(entry);
    },
  });
  await readTar(bytes, content);
  return content.result();
}

/** Reads an archive to its end. */
export async function readTar(bytes: AsyncIterable<Uint8Array>, visitor: TarVisitor): Promise<void> {
  const reader = new TarReader(visitor);
  for await (const chunk of bytes) reader.push(chunk);
  reader.end();
}

/** Does a path stay in the tree, as far as its own names tell? */
export const isInside = (path: Buffer): boolean =>
  path.length === 0 ||
  path
    .toString('latin1')
    .split('/')
    .every((name) => name !== '' && name !== '.' && name !== '..' && !name.includes('\0'));

const zeros = Buffer.alloc(1_048_576);

function hashZeros(hash: Hash, length: number): void {
  for (let left = length; left > 0; left -= zeros.length) hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
}
