import { RdbMemory } from '../rdb/rdb-memory.ts';

const firstCapacity = 1 << 14;

/** Remembers which keys came, in 16 bytes for each: both hashes of its name. Twice that when half full. */
export class KeySet {
  readonly #memory = new RdbMemory();
  #slots = new BigUint64Array(2 * firstCapacity);
  #size = 0;

  /** Adds the key; false when it was there. */
  add(key: Uint8Array): boolean {
    const [one, other] = this.#memory.hashOf(key);
    if (!this.#put(one, other)) return false;
    this.#size++;
    if (this.#size * 4 > this.#slots.length) this.#grow();
    return true;
  }

  #put(one: bigint, other: bigint): boolean {
    const capacity = this.#slots.length / 2;
    let place = Number(one & BigInt(capacity - 1));
    for (;;) {
      const first = this.#slots[place * 2];
      const second = this.#slots[place * 2 + 1];
      if (first === 0n && second === 0n) break;
      if (first === one && second === other) return false;
      place = (place + 1) & (capacity - 1);
    }
    this.#slots[place * 2] = one;
    this.#slots[place * 2 + 1] = other;
    return true;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new BigUint64Array(old.length * 2);
    for (let index = 0; index < old.length; index += 2) {
      const [one = 0n, other = 0n] = [old[index], old[index + 1]];
      if (one !== 0n || other !== 0n) this.#put(one, other);
    }
  }
}
