import { HoldfastError } from '../core/errors.ts';
import { type PartPlan, partOffsetOf, partSizeOf } from '../core/part-plan.ts';

/** Which parts of an upload were written, and how large they were. Refuses what would not make one gapless object. */
export class PartLedger {
  readonly #key: string;
  readonly #plan: PartPlan;
  readonly #sizes = new Map<number, number>();

  constructor(key: string, plan: PartPlan) {
    this.#key = key;
    this.#plan = plan;
  }

  /** Where the part belongs in the object. Throws `internal` when it is larger than planned, or is written twice. */
  begin(partNumber: number, sizeBytes: number): number {
    const planned = partSizeOf(partNumber, this.#plan);
    if (sizeBytes > planned || sizeBytes === 0) {
      throw this.#refusal(`part ${partNumber} has ${sizeBytes} bytes, ${planned} were planned`);
    }
    if (this.#sizes.has(partNumber)) throw this.#refusal(`part ${partNumber} was written before`);
    this.#sizes.set(partNumber, sizeBytes);
    return partOffsetOf(partNumber, this.#plan);
  }

  /** The size of the whole object. Throws `internal` when a part is missing, or one that is not the last is short. */
  total(): number {
    const last = this.#sizes.size;
    let total = 0;
    for (let partNumber = 1; partNumber <= last; partNumber += 1) {
      const size = this.#sizes.get(partNumber);
      if (size === undefined) throw this.#refusal(`part ${partNumber} is missing`);
      if (partNumber < last && size !== partSizeOf(partNumber, this.#plan))
        throw this.#refusal(`part ${partNumber} is short and not the last`);
      total += size;
    }
    return total;
  }

  #refusal(what: string): HoldfastError {
    return new HoldfastError('internal', `upload of '${this.#key}': ${what}`);
  }
}
