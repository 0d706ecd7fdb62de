import type { PartPlan } from '../../../lib/core/part-plan.ts';
import type { Store } from '../../../lib/store/store.ts';

/** What a kind of store brings to the suite. */
export type StoreFactory = {
  /** A new empty store. */
  readonly newStore: (options?: { readonly versioning?: boolean; readonly objectLock?: boolean }) => Promise<Store>;
  /** How many unfinished uploads of `key`, or files of them, the store still holds. */
  readonly leftovers: (store: Store, key: string) => Promise<number>;
  /** A plan with growing parts, as small as the store allows, and how many parts of it the suite is to write. */
  readonly growing: { readonly plan: PartPlan; readonly parts: number };
  readonly dispose: () => Promise<void>;
} & KnownDifferences;

/** Where real stores differ within the contract, with the reason. Data, so that no store skips a test. */
export type KnownDifferences = {
  /** How many versions an object has after two puts and a delete in a store made with versioning. */
  readonly versionsAfterTwoPutsAndDelete: { readonly count: number; readonly because: string };
  /** Whether a legal hold keeps an object from being removed. */
  readonly legalHold: { readonly isKnown: boolean; readonly because: string };
  /** Whether uploads that were begun and not completed can be found by their age. */
  readonly listsUploads: { readonly isKnown: boolean; readonly because: string };
  /** Keys that the contract allows and this server cannot hold. */
  readonly refusedKeys: { readonly keys: readonly string[]; readonly because: string };
};

/** What a test of the contract works on: a store that the others use too, and how to make one of its own. */
export type Given = { readonly factory: StoreFactory; readonly store: Store };
