import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { prefixes } from '../core/object-keys.ts';
import type { ObjectInfo, Store } from './store.ts';
import { readObject } from './text.ts';

/**
 * Who may write now: one object per target and method, replaced only conditionally and never deleted, so that its fencing
 * token grows by one with each new holder and never begins again.
 *
 * Clocks. Whether a lease has run out is judged by the reader's clock, `clockMarginSeconds` late. A clock that is further ahead
 * takes over a lease that its holder still believes in, one that is behind waits longer than it had to. Neither breaks
 * anything: of two that want a lease one conditional write succeeds, and the former holder's next renewal, which has to precede
 * whatever it publishes, fails with `lease-lost`, whatever any clock says.
 */
const leaseDocumentSchema = z.strictObject({
  formatVersion: z.literal(1),
  /** Grows by one with each acquisition by another holder, or after a release. */
  token: z.number().int().positive(),
  /** Names one run: a retry of the same run is the same holder. */
  holder: z.string().min(1),
  /** For people: what holds it. */
  description: z.string(),
  since: z.iso.datetime(),
  until: z.iso.datetime(),
  ttlSeconds: z.number().positive(),
  isReleased: z.boolean(),
});
type LeaseDocument = z.infer<typeof leaseDocumentSchema>;

/** How far apart two machines' clocks may be before one takes a lease that the other has not quite lost. */
const clockMarginSeconds = 30;

/** How often somebody else's concurrent write may come between our reading and writing before we say that the lease is held. */
const maxAttempts = 10;

export type Lease = {
  /** The fencing token, which the manifest carries. */
  readonly token: number;
  readonly holder: string;
  readonly since: Date;
  /** When it runs out unless it is renewed: by the last acquisition or renewal through this object. */
  readonly until: Date;
  /** Holds it for another `ttlSeconds` from now. Throws `lease-lost` when somebody else has taken it, or it was released. */
  renew(): Promise<void>;
  /** Throws `lease-lost` unless the store says that this lease still is the current one, and it has not run out. */
  assertHeld(): Promise<void>;
  /** Lets the next one have it at once. No error when it was lost or released before. */
  release(): Promise<void>;
};

export type AcquireOptions = {
  readonly holder: string;
  readonly description: string;
  readonly ttlSeconds: number;
  readonly clock: () => Date;
};

/**
 * The lease at `key`. The same holder gets the same token again; another's that has run out or was released is taken over
 * with the next token. Throws `lease-held` otherwise, saying who holds it, since when, and until when.
 */
export async function acquireLease(store: Store, key: string, options: AcquireOptions): Promise<Lease> {
  const { holder, description, ttlSeconds, clock } = options;
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const current = await readLease(store, key);
    const now = clock();
    if (current !== undefined && isHeldByAnother(current.document, holder, now)) throw held(key, current.document);
    const isOurs = current?.document.holder === holder && !current.document.isReleased;
    const next: LeaseDocument = {
      formatVersion: 1,
      token: isOurs ? current.document.token : (current?.document.token ?? 0) + 1,
      holder,
      description,
      since: isOurs ? current.document.since : now.toISOString(),
      until: later(now, ttlSeconds).toISOString(),
      ttlSeconds,
      isReleased: false,
    };
    const written = await writeLease(store, key, next, current?.info);
    if (written !== undefined) return new HeldLease(store, key, next, written, clock);
  }
  const winner = await readLease(store, key);
  if (winner !== undefined) throw held(key, winner.document);
  throw new HoldfastError('store-unavailable', `lease '${key}' can be neither read nor written`);
}

/**
 * The lease at `key` as taken by another process of the same run (a task goes on with what the admission took). Throws
 * `lease-lost` when it is no longer `holder`'s under `token`.
 */
export async function resumeLease(
  store: Store,
  key: string,
  options: { readonly holder: string; readonly token: number; readonly clock: () => Date },
): Promise<Lease> {
  const { holder, token, clock } = options;
  const current = await readLease(store, key);
  if (current === undefined) throw new HoldfastError('lease-lost', `there is no lease '${key}'`);
  assertSame(key, current.document, { holder, token });
  return new HeldLease(store, key, current.document, current.info, clock);
}

/** Releases the lease at `key` if `holder` has it, under whatever token; true when it had. For a run that died before it could. */
export async function releaseHeldBy(
  store: Store,
  key: string,
  options: { readonly holder: string; readonly clock: () => Date },
): Promise<boolean> {
  const current = await readLease(store, key);
  if (current === undefined || current.document.holder !== options.holder || current.document.isReleased) return false;
  await new HeldLease(store, key, current.document, current.info, options.clock).release();
  return true;
}

/** What stands at `key`, whoever holds it; undefined when there is no lease. Throws `corrupt` when it cannot be read. */
export async function leaseAt(
  store: Store,
  key: string,
): Promise<Pick<LeaseDocument, 'holder' | 'description' | 'since' | 'until' | 'isReleased'> | undefined> {
  return (await readLease(store, key))?.document;
}

/** Who holds the lease at `key` now, in words; undefined when it is free. For those who would rather wait than be refused. */
export async function leaseHolder(store: Store, key: string, clock: () => Date): Promise<string | undefined> {
  const current = await readLease(store, key);
  if (current === undefined || !isHeldByAnother(current.document, '', clock())) return undefined;
  return `${who(current.document)}, until ${current.document.until}`;
}

class HeldLease implements Lease {
  readonly token: number;
  readonly holder: string;
  readonly since: Date;
  readonly #store: Store;
  readonly #key: string;
  readonly #clock: () => Date;
  #document: LeaseDocument;
  #info: ObjectInfo;

  constructor(store: Store, key: string, document: LeaseDocument, info: ObjectInfo, clock: () => Date) {
    this.token = document.token;
    this.holder = document.holder;
    this.since = new Date(document.since);
    this.#store = store;
    this.#key = key;
    this.#document = document;
    this.#info = info;
    this.#clock = clock;
  }

  get until(): Date {
    return new Date(this.#document.until);
  }

  /** One that has run out may be renewed as long as nobody has taken it: the conditional write decides. */
  async renew(): Promise<void> {
    await this.#replace((now) => ({ until: later(now, this.#document.ttlSeconds).toISOString() }));
  }

  async assertHeld(): Promise<void> {
    const current = await readLease(this.#store, this.#key);
    if (current === undefined) throw new HoldfastError('lease-lost', `there is no lease '${this.#key}'`);
    assertSame(this.#key, current.document, this);
    if (new Date(current.document.until) <= this.#clock())
      throw new HoldfastError('lease-lost', `lease '${this.#key}' ran out at ${current.document.until}`);
  }

  /** Releasing is replacing: the token must outlive the lease, and not every store honours a conditional delete. */
  async release(): Promise<void> {
    try {
      await this.#replace((now) => ({ until: now.toISOString(), isReleased: true }));
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'lease-lost') throw error;
    }
  }

  /** Another process of the same run may have renewed it meanwhile: then what it wrote is replaced instead. */
  async #replace(change: (now: Date) => Partial<LeaseDocument>): Promise<void> {
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      assertSame(this.#key, this.#document, this);
      const next = { ...this.#document, ...change(this.#clock()) };
      const written = await writeLease(this.#store, this.#key, next, this.#info);
      if (written !== undefined) {
        this.#document = next;
        this.#info = written;
        return;
      }
      const current = await readLease(this.#store, this.#key);
      if (current === undefined) throw new HoldfastError('lease-lost', `there is no lease '${this.#key}'`);
      this.#document = current.document;
      this.#info = current.info;
    }
    throw new HoldfastError('store-unavailable', `lease '${this.#key}' was replaced ${maxAttempts} times in a row`);
  }
}

/** Every lease in the store as it stands, with its key; one that cannot be read is left out. */
export async function* listLeases(
  store: Store,
): AsyncGenerator<Pick<LeaseDocument, 'description' | 'until' | 'isReleased'> & { readonly key: string }> {
  for await (const { key } of store.list(prefixes.leases)) {
    const found = await readLease(store, key).catch((error: unknown) => {
      if (error instanceof HoldfastError && error.code === 'corrupt') return undefined;
      throw error;
    });
    if (found === undefined) continue;
    const { description, until, isReleased } = found.document;
    yield { key, description, until, isReleased };
  }
}

async function readLease(
  store: Store,
  key: string,
): Promise<{ readonly document: LeaseDocument; readonly info: ObjectInfo } | undefined> {
  const found = await readObject(store, key);
  return found && { document: parseLease(found.text, key), info: found.info };
}

function parseLease(text: string, key: string): LeaseDocument {
  try {
    return leaseDocumentSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new HoldfastError('corrupt', `lease '${key}' cannot be read`, {
      hint: "was it written by a newer Holdfast, or by hand? A correct one has at least the token that the target's last manifest names",
      cause,
    });
  }
}

/**
 * Writes `next` only if the object still is `current` (or is absent). Undefined when somebody else was faster. A crash leaves the
 * old or the new document; a new one whose holder died runs out by itself.
 */
async function writeLease(
  store: Store,
  key: string,
  next: LeaseDocument,
  current: ObjectInfo | undefined,
): Promise<ObjectInfo | undefined> {
  try {
    return await store.put(key, Buffer.from(`${JSON.stringify(next, undefined, 2)}\n`), {
      condition: current === undefined ? 'absent' : { etag: current.etag },
      contentType: 'application/json',
    });
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'already-exists') return undefined;
    throw error;
  }
}

function isHeldByAnother(lease: LeaseDocument, holder: string, now: Date): boolean {
  if (lease.holder === holder || lease.isReleased) return false;
  return now < later(new Date(lease.until), clockMarginSeconds);
}

function assertSame(
  key: string,
  current: LeaseDocument,
  ours: { readonly holder: string; readonly token: number },
): void {
  if (current.token === ours.token && current.holder === ours.holder && !current.isReleased) return;
  const what = current.isReleased ? 'was released' : `is held by ${who(current)}`;
  throw new HoldfastError('lease-lost', `lease '${key}' with token ${ours.token} is lost: it ${what}`);
}

function held(key: string, lease: LeaseDocument): HoldfastError {
  return new HoldfastError('lease-held', `lease '${key}' is held by ${who(lease)}, and runs out at ${lease.until}`);
}

function who(lease: LeaseDocument): string {
  return `'${lease.description}' ('${lease.holder}', token ${lease.token}) since ${lease.since}`;
}

function later(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000);
}
