import { describeError } from '../../core/errors.ts';
import type { WalState } from '../../core/health.ts';
import type { TargetName } from '../../core/ids.ts';
import type { MetricName } from '../../core/metrics.ts';
import { walHealthKey } from '../../core/object-keys.ts';
import { formatLsn, type Lsn, parseLsn } from '../../engines/postgres/replication/lsn.ts';
import type { SlotState } from '../../engines/postgres/replication/slots.ts';
import type { TimelinePath } from '../../engines/postgres/replication/timeline-history.ts';
import type { WalSample } from '../../engines/postgres/replication/wal-sample.ts';
import type { Store } from '../../store/store.ts';
import { putJson } from '../../store/text.ts';
import { RestorablePoints } from './points.ts';

/** The document is replaced this often at most, unless the state changes: a request costs, and nobody looks more often. */
const documentPeriodMs = 30_000;
const metricsPeriodMs = 60_000;

/** Takes metrics of the target. */
export type Measure = (values: Readonly<Partial<Record<MetricName, number>>>) => void;

/** What a receiver knows of itself, and tells: in `health/wal/<target>.json`, and as metrics. */
export class ReceiverState {
  readonly points = new RestorablePoints();
  readonly #store: Store;
  readonly #target: TargetName;
  readonly #clock: () => Date;
  readonly #measure: Measure;
  readonly #slotName: string;
  #state: WalState['state'] = 'waiting';
  #error: WalState['error'];
  #systemIdentifier = '';
  #timeline = 1;
  #path: WalState['path'];
  #received: Lsn = 0n;
  #durable: Lsn = 0n;
  #storedBytes = 0;
  #slot: Omit<WalState['slot'], 'name'> = { retainedBytes: 0, safeBytes: null, limitBytes: null };
  #gap: WalState['gap'] = null;
  #writtenAt = 0;
  #measuredAt = 0;
  #written = '';
  #latest: WalState | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: {
    readonly store: Store;
    readonly target: TargetName;
    readonly slotName: string;
    readonly clock: () => Date;
    readonly measure: Measure;
  }) {
    this.#store = options.store;
    this.#target = options.target;
    this.#slotName = options.slotName;
    this.#clock = options.clock;
    this.#measure = options.measure;
  }

  /** What an earlier receiver has left is worth knowing still. */
  recall(last: WalState | undefined): void {
    if (last === undefined) return;
    this.#gap = last.gap;
    this.#systemIdentifier = last.systemIdentifier;
    this.#timeline = last.timeline;
    this.#path = last.path;
    this.#received = parseLsn(last.durableLsn);
    this.#durable = this.#received;
    this.points.begin(this.#clock(), last.restorablePoint === null ? undefined : new Date(last.restorablePoint));
  }

  begin(from: {
    readonly systemIdentifier: string;
    readonly timeline: number;
    readonly path: TimelinePath;
    readonly durable: Lsn;
  }): void {
    const isSame = from.systemIdentifier === this.#systemIdentifier;
    // What an earlier session or receiver called restorable is so as long as the store has as much of the same log.
    const isThere = isSame && from.durable >= this.#durable;
    if (!isThere || from.timeline !== this.#timeline)
      this.points.begin(this.#clock(), isThere ? this.points.restorable : undefined);
    // A gap is one of its own system's log.
    if (!isSame) this.#gap = null;
    this.#systemIdentifier = from.systemIdentifier;
    this.#timeline = from.timeline;
    this.#path = from.path.map(({ timeline, begin, end }) => ({
      ...{ timeline, begin: formatLsn(begin) },
      ...(end !== undefined && { end: formatLsn(end) }),
    }));
    this.#received = from.durable;
    this.#durable = from.durable;
    this.#state = 'receiving';
    this.#error = undefined;
  }

  received(lsn: Lsn): void {
    if (lsn > this.#received) this.#received = lsn;
  }

  durable(lsn: Lsn): void {
    if (lsn < this.#durable) return;
    this.#durable = lsn;
    this.points.durable(lsn);
  }

  stored(bytes: number): void {
    this.#storedBytes += bytes;
  }

  sampled(sample: WalSample, slot: SlotState | undefined, limitBytes: number | undefined): void {
    this.points.add(sample, this.#clock());
    this.points.durable(this.#durable);
    this.#slot = {
      retainedBytes: slot?.retainedBytes ?? 0,
      safeBytes: slot?.safeBytes ?? null,
      limitBytes: limitBytes ?? null,
    };
  }

  gapFound(gap: { readonly timeline: number; readonly from: Lsn; readonly to: Lsn }): void {
    const { timeline, from, to } = gap;
    this.#gap = { at: this.#clock().toISOString(), timeline, from: formatLsn(from), to: formatLsn(to) };
  }

  ended(state: 'waiting' | 'ended' | 'refused', error?: unknown): void {
    this.#state = state;
    this.#error = error === undefined ? undefined : describeError(error);
  }

  /** What is known now. */
  get now(): WalState {
    const lag = this.points.lag(this.#durable, this.#clock());
    return {
      formatVersion: 1,
      at: this.#clock().toISOString(),
      target: this.#target,
      systemIdentifier: this.#systemIdentifier,
      state: this.#state,
      ...(this.#error === undefined ? {} : { error: this.#error }),
      timeline: this.#timeline,
      ...(this.#path && { path: this.#path }),
      receivedLsn: formatLsn(this.#received),
      durableLsn: formatLsn(this.#durable),
      restorablePoint: this.points.restorable?.toISOString() ?? null,
      lagBytes: lag.bytes,
      lagSeconds: Math.round(lag.seconds * 10) / 10,
      slot: { name: this.#slotName, ...this.#slot },
      gap: this.#gap,
    };
  }

  /** Writes what is due: the document and the metrics. Never rejects with what the store says: it says so again elsewhere. */
  async tell(onTrouble: (error: unknown) => void): Promise<void> {
    const state = this.now;
    const at = this.#clock().getTime();
    const essence = JSON.stringify([state.state, state.error, state.timeline, state.gap]);
    if (essence !== this.#written || at - this.#writtenAt >= documentPeriodMs) {
      this.#written = essence;
      this.#writtenAt = at;
      this.#latest = state;
      this.#writing ??= this.#write(onTrouble);
      await this.#writing;
    }
    if (at - this.#measuredAt < metricsPeriodMs) return;
    this.#measuredAt = at;
    this.#measure({
      WalReceiverBeat: 1,
      WalLagSeconds: state.lagSeconds,
      WalLagBytes: state.lagBytes,
      WalSlotRetainedBytes: state.slot.retainedBytes,
      WalStoredBytes: this.#storedBytes,
    });
    this.#storedBytes = 0;
  }

  /** One after another: an older document that came last would hide how it ended. */
  async #write(onTrouble: (error: unknown) => void): Promise<void> {
    for (let state = this.#latest; state !== undefined; state = this.#latest) {
      this.#latest = undefined;
      await putJson(this.#store, walHealthKey(this.#target), state).catch(onTrouble);
    }
    // In the same breath as the look at what is left: what is told next is written by a loop of its own.
    this.#writing = undefined;
  }
}
