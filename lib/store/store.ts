import type { PartPlan } from '../core/part-plan.ts';

/**
 * Where objects live. Two implementations, S3 and a local directory, pass one conformance suite; code above this line
 * cannot tell them apart.
 *
 * Contract for every method:
 * - errors are `HoldfastError`s: `object-missing`, `already-exists` (a condition did not hold), `store-denied`,
 *   `store-unavailable` (retryable; the implementation has already retried by itself), `disk-full`;
 * - `signal` cancels promptly and leaves nothing visible; the error is the signal's reason when that is a `HoldfastError`,
 *   else `stopped`;
 * - an object becomes visible whole or not at all, and is durable when the promise resolves;
 * - a key is as `assertKey` (lib/store/store-key.ts) says, and never the folder of another key.
 */
export interface Store {
  /** `s3://bucket/prefix` or `file:///absolute/path`: what users see as a location. */
  readonly url: string;
  readonly kind: 's3' | 'file';

  /** Writes a small object in one piece. */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<ObjectInfo>;

  /** Begins an object of unknown length. Nothing is visible before `complete`. */
  beginUpload(key: string, options?: UploadOptions): Promise<Upload>;

  /**
   * The object's bytes, or a part of them. Rejects with `object-missing` before the first byte. `range.end` is exclusive; what
   * of a range lies beyond the object's end is left out. `sizeBytes` is the whole object's. The body has to be iterated
   * (leaving the loop early is fine): it holds a file or a connection open.
   */
  get(key: string, options?: GetOptions): Promise<ObjectBody>;

  /** What is known of an object without reading it, or undefined when there is none. */
  head(key: string): Promise<ObjectInfo | undefined>;

  /** All objects whose key begins with `prefix`, in ascending order of their keys. */
  list(prefix: string, options?: { readonly startAfter?: string }): AsyncIterable<ObjectInfo>;

  /** Removes the object (on a versioned store: hides it). Removing what is not there is no error. */
  delete(key: string): Promise<void>;

  /**
   * Gives up a whole object of a run that failed, which no manifest will name. A directory is rid of it at once; in S3 it stays, because
   * those who write backups may not delete, until lifecycle or a cleanup takes it.
   */
  discard(key: string): Promise<void>;

  /**
   * Removes objects whose key begins with `prefix` for good, with all versions of them and whatever hides them: about a thousand at a time, in
   * the order of their keys. While the answer has a `next`, there is more, which a call with that as `after` goes on with; after a crash,
   * begin anew. What a lock or a legal hold of the store keeps is told and is no error. Rejects with `store-denied` when it is the role
   * that may not remove.
   */
  erase(prefix: string, options?: EraseOptions): Promise<Erased>;

  /** What keeps the object as it is now from being removed by anybody: nothing, in a store that cannot lock. */
  protection(key: string): Promise<Protection>;

  /** Sets or lifts the store's own legal hold of the object. False when this store has no such thing. */
  setLegalHold(key: string, isHeld: boolean): Promise<boolean>;

  /** Gives up all uploads that were begun before that time and not completed, and tells how many. */
  abandonUploads(before: Date): Promise<number>;

  /** The object's versions, newest first; a store without versioning gives the one there is. */
  versions(key: string): Promise<readonly ObjectVersion[]>;

  tags(key: string): Promise<Readonly<Record<string, string>>>;
  setTags(key: string, tags: Readonly<Record<string, string>>): Promise<void>;

  close(): Promise<void>;
}

export type PutOptions = {
  readonly condition?: Condition;
  readonly contentType?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
};

/** `absent`: only if no such object exists. `{ etag }`: only if the object is still the one that bears this tag. */
export type Condition = 'absent' | { readonly etag: string };

export type UploadOptions = {
  readonly condition?: 'absent';
  /** How the object is cut into parts. @default 16 MiB each, for objects of up to 4 GiB */
  readonly parts?: PartPlan;
  readonly contentType?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
};

export type ObjectInfo = {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedAt: Date;
};
export type ObjectVersion = ObjectInfo & {
  readonly versionId: string;
  readonly isLatest: boolean;
  readonly isDeleted: boolean;
};
export type EraseOptions = {
  /** Only versions that were written before that time. @default - all */
  readonly modifiedBefore?: Date;
  /** Only keys that sort before this one. @default - all */
  readonly before?: string;
  /** Where the last call's answer said that there is more. @default - from the beginning */
  readonly after?: string;
};
export type Erased = {
  /** Objects removed; each version counts, and a marker that hides others does not. */
  readonly objects: number;
  readonly freedBytes: number;
  readonly retained: readonly Retained[];
  readonly next?: string;
};
export type Protection = { readonly isHeld: boolean; readonly lockedUntil: Date | undefined };
export type Retained = Protection & { readonly key: string; readonly sizeBytes: number };
export type ObjectBody = ObjectInfo & { readonly body: AsyncIterable<Uint8Array> };
export type GetOptions = {
  readonly range?: { readonly start: number; readonly end?: number };
  readonly signal?: AbortSignal;
};

/**
 * An object in the making. Parts are numbered from 1, may be written concurrently, and all but the last are of the
 * sizes that `partSizeOf` (lib/core/part-plan.ts) gives for `UploadOptions.parts`; none is empty. An upload of no parts makes
 * an empty object. A body is not copied: leave it alone until the promise settles. `complete` or `abort` ends the upload;
 * when `complete` or `writePart` has failed, call `abort`.
 */
export interface Upload {
  readonly key: string;
  writePart(partNumber: number, body: Uint8Array): Promise<void>;
  /** Makes the object visible. Rejects with `already-exists` when `condition: 'absent'` does not hold (any more). */
  complete(): Promise<ObjectInfo>;
  /**
   * Removes what was uploaded. Safe to call twice, and after a failed `complete`. Rejects when the store cannot be reached; the
   * remains are then removed by age (the bucket's lifecycle rule, or the next opening of a directory).
   */
  abort(): Promise<void>;
}
