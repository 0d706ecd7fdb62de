import pRetry from 'p-retry';
import { asHoldfastError, HoldfastError } from '../../core/errors.ts';
import { walStateSchema } from '../../core/health.ts';
import type { TargetName } from '../../core/ids.ts';
import { walHealthKey } from '../../core/object-keys.ts';
import { formatLsn, parseLsn } from '../../engines/postgres/replication/lsn.ts';
import { readSlot } from '../../engines/postgres/replication/slots.ts';
import type { TimelinePath } from '../../engines/postgres/replication/timeline-history.ts';
import { sampleWal } from '../../engines/postgres/replication/wal-sample.ts';
import { segmentStart } from '../../engines/postgres/replication/wal-segments.ts';
import type { Log } from '../../observe/log.ts';
import { readDocument } from '../../store/document.ts';
import type { WalContext } from '../wal-context.ts';
import { WalKeys } from '../wal-keys.ts';
import { type WalWriter, walWriter } from '../write-wal.ts';
import {
  openSession,
  type PlannedStart,
  planSession,
  type ReceiverSession,
  readySlot,
  storeHistory,
  unproved,
} from './open-session.ts';
import { receiveTimeline } from './receive-timeline.ts';
import type { ReceiverSettings } from './receiver-settings.ts';
import { type Measure, ReceiverState } from './receiver-state.ts';

export type ReceiveOptions = {
  readonly target: TargetName;
  /** The target's connection, with a fresh password each time that it is asked for. */
  readonly connection: () => Promise<unknown>;
  readonly settings: ReceiverSettings;
  readonly log: Log;
  /** Takes its metrics. @default - nobody does */
  readonly measure?: Measure;
  /** How long uploads may go on after `context.signal` has fired. @default 20000 */
  readonly graceMs?: number;
};

const reconnectWaits = { minTimeout: 500, maxTimeout: 30_000, factor: 2 } as const;
/** A session that lasted so long was no failed attempt, however it ended. */
const goodSessionMs = 60_000;
const mostSampleMs = 5_000;

/**
 * Receives the WAL of a target into the store until `context.signal` fires; then what was received is flushed, and it resolves. A server or
 * store that is away is waited for. Rejects with what waiting does not mend: `wal-conflict`, `auth-failed`, `store-denied` and the like.
 */
export async function receiveWal(context: WalContext, options: ReceiveOptions): Promise<void> {
  const { target, settings, log } = options;
  const { store, clock, signal: stop } = context;
  const hard = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  const onStop = (): void => {
    grace = setTimeout(
      () => hard.abort(new HoldfastError('stopped', 'the store did not take the last WAL in time')),
      options.graceMs ?? 20_000,
    );
  };
  stop.addEventListener('abort', onStop, { once: true });
  const state = new ReceiverState({
    store,
    target,
    slotName: settings.slot,
    clock,
    measure: options.measure ?? (() => {}),
  });
  const { value: last } = await readDocument(store, walHealthKey(target), walStateSchema);
  state.recall(last);
  const receiver = new Receiver({ ...context, signal: hard.signal }, options, state, stop);
  const tell = (): Promise<void> =>
    state.tell((error) =>
      log.warn('the health document could not be written', { error: asHoldfastError(error).message }),
    );
  const telling = setInterval(() => void tell(), samplePeriodMs(settings));
  try {
    while (!stop.aborted) {
      await pRetry(() => receiver.session(), {
        ...reconnectWaits,
        retries: Number.POSITIVE_INFINITY,
        signal: stop,
        shouldRetry: ({ error }) => error instanceof HoldfastError && error.retryable,
        onFailedAttempt: ({ error }) => {
          if (stop.aborted) return;
          const { code, message } = asHoldfastError(error);
          log.warn(message, { code });
          state.ended('waiting', error);
        },
      });
    }
    state.ended('ended');
  } catch (error) {
    if (!stop.aborted) {
      state.ended('refused', error);
      throw error;
    }
    state.ended('ended');
  } finally {
    clearInterval(telling);
    clearTimeout(grace);
    stop.removeEventListener('abort', onStop);
    await tell();
  }
}

type StartOnPath = PlannedStart & { readonly path: TimelinePath };

class Receiver {
  readonly #context: WalContext;
  readonly #options: ReceiveOptions;
  readonly #state: ReceiverState;
  readonly #stop: AbortSignal;
  #keys: { readonly systemIdentifier: string; readonly keys: WalKeys } | undefined;

  /** `context.signal` is the hard stop: until it fires, what was received may still be stored. */
  constructor(context: WalContext, options: ReceiveOptions, state: ReceiverState, stop: AbortSignal) {
    this.#context = context;
    this.#options = options;
    this.#state = state;
    this.#stop = stop;
  }

  /** One connection's time. Resolves when it was stopped, when the timeline has changed, or when a good session was lost. */
  async session(): Promise<void> {
    const beganAt = this.#context.clock().getTime();
    try {
      await using session = await openSession(await this.#options.connection(), this.#context.signal);
      await this.#receive(session);
    } catch (error) {
      const failure = asHoldfastError(error);
      const isGood = failure.retryable && this.#context.clock().getTime() - beganAt >= goodSessionMs;
      if (!isGood) throw failure;
      this.#options.log.warn(failure.message, { code: failure.code });
      this.#state.ended('waiting', failure);
    }
  }

  async #receive(session: ReceiverSession): Promise<void> {
    const { target, settings } = this.#options;
    const { systemIdentifier } = session.identity;
    const keys = this.#keysOf(systemIdentifier);
    const writer = walWriter(this.#context, { target, systemIdentifier }, () => keys.current());
    const path = await storeHistory(session, writer);
    const slotLsn = await readySlot(session, settings.slot);
    const { now } = this.#state;
    const lastDurable = now.systemIdentifier === systemIdentifier ? parseLsn(now.durableLsn) : undefined;
    const start = await planSession(this.#context, target, { session, path, slotLsn, lastDurable });
    const { segmentBytes } = session;
    const goOn = (from: PlannedStart): Promise<boolean> => this.#isStreamed(session, writer, { ...from, path });
    if (await goOn(start)) return;
    const plain = unproved(start, segmentBytes);
    if (start.begin < plain.begin && (await goOn(plain))) return;
    if (start.otherwise === undefined)
      throw new HoldfastError('source-interrupted', `the server no longer has WAL from ${formatLsn(start.lsn)}`);
    this.#tellGap(start, segmentBytes);
    await this.#stream(session, writer, { ...unproved(start.otherwise, segmentBytes), path });
  }

  /** False when the server no longer has what is to be begun with. */
  async #isStreamed(session: ReceiverSession, writer: WalWriter, start: StartOnPath): Promise<boolean> {
    try {
      await this.#stream(session, writer, start);
      return true;
    } catch (error) {
      if (error instanceof HoldfastError && error.code === 'wal-gone') return false;
      throw error;
    }
  }

  async #stream(session: ReceiverSession, writer: WalWriter, start: StartOnPath): Promise<void> {
    const { target, settings, log } = this.#options;
    const { replication, identity, segmentBytes, limits } = session;
    const state = this.#state;
    log.info(`receiving WAL from ${formatLsn(start.lsn)} of timeline ${start.timeline}`, {
      target,
      systemIdentifier: identity.systemIdentifier,
    });
    const { timeline, lsn: durable, path } = start;
    state.begin({ systemIdentifier: identity.systemIdentifier, timeline, path, durable });
    const endSampling = this.#sample(session);
    try {
      const next = await receiveTimeline({
        client: replication,
        writer,
        slot: settings.slot,
        timeline: start.timeline,
        begin: start.begin,
        durable: start.lsn,
        known: start.known,
        segmentBytes,
        flushMs: settings.flushSeconds * 1000,
        senderTimeoutMs: limits.senderTimeoutMs,
        clock: this.#context.clock,
        pointAt: (lsn) => state.points.pointAt(lsn),
        onReceived: (lsn) => state.received(lsn),
        onDurable: (lsn) => state.durable(lsn),
        onStored: (bytes) => state.stored(bytes),
        stop: this.#stop,
        hardStop: this.#context.signal,
      });
      if (next !== undefined)
        log.info(`timeline ${start.timeline} was left at ${formatLsn(next.begin)} for timeline ${next.timeline}`, {
          target,
        });
    } finally {
      await endSampling();
    }
  }

  /**
   * Asks the server again and again where its WAL is, and how its slot does. The stream goes on whatever becomes of the session that asks (an
   * administrator may end it, for it is idle nearly always); while it cannot be renewed, what is known ages, and is told to be behind.
   */
  #sample(session: ReceiverSession): () => Promise<void> {
    let asking: Promise<void> | undefined;
    const ask = async (): Promise<void> => {
      const sample = await sampleWal(session.sql);
      const slot = await readSlot(session.sql, this.#options.settings.slot);
      this.#state.sampled(sample, slot, session.limits.slotLimitBytes);
    };
    const tick = (): void => {
      asking ??= ask()
        .catch(() => session.renewSql())
        .catch(() => undefined)
        .finally(() => {
          asking = undefined;
        });
    };
    tick();
    const timer = setInterval(tick, samplePeriodMs(this.#options.settings));
    return async () => {
      clearInterval(timer);
      await asking;
    };
  }

  #tellGap({ timeline, lsn, otherwise }: PlannedStart, segmentBytes: number): void {
    const to = segmentStart(otherwise?.lsn ?? lsn, segmentBytes);
    this.#state.gapFound({ timeline, from: lsn, to });
    this.#options.log.error(
      `WAL from ${formatLsn(lsn)} to ${formatLsn(to)} is lost: the server has removed it, and the store never had it`,
      { hint: 'points after the gap need a base backup that is taken after it: take one now' },
    );
    this.#options.measure?.({ WalGaps: 1 });
  }

  /** The keys to write with: kept over connections, so that a key lasts its day. */
  #keysOf(systemIdentifier: string): WalKeys {
    if (this.#keys?.systemIdentifier !== systemIdentifier) {
      const keys = new WalKeys(this.#context, this.#options.target, systemIdentifier);
      this.#keys = { systemIdentifier, keys };
    }
    return this.#keys.keys;
  }
}

const samplePeriodMs = ({ flushSeconds }: ReceiverSettings): number => Math.min(flushSeconds * 1000, mostSampleMs);
