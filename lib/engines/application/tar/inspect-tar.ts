import { createHash, type Hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { HoldfastError } from '../../../core/errors.ts';
import type { Stretch } from '../native/libc.ts';
import { type Entry, shownPath } from '../tree/entry.ts';
import { hashZeros } from '../tree/hash-zeros.ts';
import { type TreeContent, TreeSum } from '../tree/tree-content.ts';
import { type Steps, TarReader, type TarVisitor } from './tar-reader.ts';

/** So many zeros are summed at one go, which takes some hundredths of a second. */
const mostZeros = 32 * 1_048_576;

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
  /** Zeros that were summed since others had their turn. */
  #zeros = 0;

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
    this.#stretches = stretches ?? [];
    this.#stretch = -1;
    this.#position = 0;
    this.#left = stretches === undefined ? entry.size : 0;
  }

  data(bytes: Uint8Array): Steps | undefined {
    if (bytes.length > this.#left) return this.#fill(bytes);
    this.#take(bytes);
    return undefined;
  }

  end(): Steps | undefined {
    const hole = (this.#entry as Entry).size - this.#position;
    if (hole > 0) return this.#endAfter(hole);
    this.#end();
    return undefined;
  }

  result(): TreeContent {
    return this.#sum.content();
  }

  *#fill(bytes: Uint8Array): Generator<void, void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#left === 0) yield* this.#nextStretch();
      const piece = bytes.subarray(at, at + this.#left);
      this.#take(piece);
      at += piece.length;
    }
  }

  #take(piece: Uint8Array): void {
    this.#hash?.update(piece);
    this.#hooks.data?.(piece, this.#position);
    this.#left -= piece.length;
    this.#position += piece.length;
  }

  *#endAfter(hole: number): Generator<void, void> {
    yield* this.#passHole(hole);
    this.#end();
  }

  #end(): void {
    const entry = this.#entry as Entry;
    const digest = this.#hash?.digest();
    this.#sum.add(entry, digest);
    this.#hooks.end?.(entry, digest);
    this.#last = { entry, digest };
  }

  *#nextStretch(): Generator<void, void> {
    do this.#stretch += 1;
    while (this.#stretches[this.#stretch]?.length === 0);
    const { start, length } = this.#stretches[this.#stretch] as Stretch;
    yield* this.#passHole(start - this.#position);
    this.#position = start;
    this.#left = length;
  }

  /** A file's digest is that of all its bytes, so a hole's zeros are summed like others. */
  *#passHole(length: number): Generator<void, void> {
    if (this.#hash === undefined) return;
    for (let left = length; left > 0; ) {
      const piece = Math.min(left, mostZeros - this.#zeros);
      hashZeros(this.#hash, piece);
      left -= piece;
      this.#zeros += piece;
      if (this.#zeros < mostZeros) continue;
      this.#zeros = 0;
      yield;
    }
  }
}

/** The content of an archive of Holdfast's own. Throws `corrupt` and `dump-incomplete`. */
export async function inspectTar(
  bytes: AsyncIterable<Uint8Array>,
  { signal, ...hooks }: ContentHooks & { readonly signal?: AbortSignal } = {},
): Promise<TreeContent> {
  const content = new TarContent({
    ...hooks,
    begin(entry) {
      if (!isInside(entry.path))
        throw new HoldfastError('corrupt', `the archive names '${shownPath(entry.path)}', which lies outside of it`);
      hooks.begin?.(entry);
    },
  });
  await readTar(bytes, content, signal);
  return content.result();
}

/** Reads an archive to its end, and lets others have their turn while zeros of large holes are summed. */
export async function readTar(
  bytes: AsyncIterable<Uint8Array>,
  visitor: TarVisitor,
  signal?: AbortSignal,
): Promise<void> {
  const reader = new TarReader(visitor);
  for await (const chunk of bytes)
    for (const _ of reader.take(chunk)) {
      await setImmediate();
      signal?.throwIfAborted();
    }
  reader.end();
}

/** Does a path stay in the tree, as far as its own names tell? */
export const isInside = (path: Buffer): boolean =>
  path.length === 0 ||
  path
    .toString('latin1')
    .split('/')
    .every((name) => name !== '' && name !== '.' && name !== '..' && !name.includes('\0'));
