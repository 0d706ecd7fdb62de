import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';

const slots = 512;
const pageBytes = slots * 8;

/**
 * What each node of a graph comes to (64 bits of its digest), by its number, so that a relationship can be told by the content of its ends. Numbers
 * that lie close together share pages; pages beyond `mostPages` go to a file in `folder`, so that memory is bounded: 256 MiB hold 32 million
 * nodes. Dispose of it.
 */
export class NodeIdentities implements Disposable {
  readonly #pages = new Map<number, BigUint64Array>();
  readonly #spilled = new Set<number>();
  readonly #folder: string;
  readonly #mostPages: number;
  #file: number | undefined;

  constructor(options: { readonly folder: string; readonly mostPages?: number }) {
    this.#folder = options.folder;
    this.#mostPages = options.mostPages ?? 65_536;
  }

  set(node: number, identity: bigint): void {
    const page = this.#pageOf(node) ?? this.#add(Math.floor(node / slots), new BigUint64Array(slots));
    // Zero is for a node that is not there.
    page[node % slots] = identity === 0n ? 1n : identity;
  }

  /** Undefined for a node that was never set. */
  get(node: number): bigint | undefined {
    const identity = this.#pageOf(node)?.[node % slots];
    return identity === 0n ? undefined : identity;
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #pageOf(node: number): BigUint64Array | undefined {
    const number = Math.floor(node / slots);
    const page = this.#pages.get(number);
    if (page !== undefined || !this.#spilled.has(number) || this.#file === undefined) return page;
    const read = new BigUint64Array(slots);
    readSync(this.#file, read, 0, pageBytes, number * pageBytes);
    return this.#add(number, read);
  }

  #add(number: number, page: BigUint64Array): BigUint64Array {
    if (this.#pages.size >= this.#mostPages) this.#spillOldest();
    this.#pages.set(number, page);
    return page;
  }

  #spillOldest(): void {
    for (const [number, page] of this.#pages) {
      this.#file ??= openNameless(path.join(this.#folder, `node-identities-${process.pid}-${Date.now()}`));
      writeSync(this.#file, page, 0, pageBytes, number * pageBytes);
      this.#spilled.add(number);
      this.#pages.delete(number);
      return;
    }
  }
}

/** A file that is gone with whoever holds it open. */
function openNameless(name: string): number {
  const file = openSync(name, 'wx+', 0o600);
  unlinkSync(name);
  return file;
}
