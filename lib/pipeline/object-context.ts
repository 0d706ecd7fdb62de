/** What an object is part of. It is bound to the ciphertext, so that objects swapped under each other's keys are noticed. */
export type ObjectContext = {
  readonly target: string;
  readonly backupId: string;
  readonly stream: string;
  /** The object's place in its stream, from 0. */
  readonly index: number;
};

/** A stream's part of `ObjectContext`. */
export type StreamContext = Omit<ObjectContext, 'index'>;
