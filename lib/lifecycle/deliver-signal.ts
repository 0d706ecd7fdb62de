import { randomUUID } from 'node:crypto';
import type { HoldfastConfig } from '../config/config.ts';
import { alertText } from '../core/alert-text.ts';
import {
  type AlertRecord,
  alertRecordSchema,
  delivered,
  givenUp,
  isOpen,
  kindsThatTellMore,
  receive,
  type Signal,
} from '../core/alerts.ts';
import { asHoldfastError, HoldfastError } from '../core/errors.ts';
import { alertKey } from '../core/object-keys.ts';
import { type Document, readDocument, replaceDocument } from '../store/document.ts';
import type { Store } from '../store/store.ts';
import type { AlertChannel } from './alert-channels.ts';

export type AlertSettings = {
  readonly config: Pick<HoldfastConfig, 'alerts'>;
  readonly store: Store;
  readonly channels: readonly AlertChannel[];
  readonly clock: () => Date;
};

/** A channel that did not take what it was to be told. */
export type Undelivered = { readonly channel: AlertChannel['name']; readonly error: HoldfastError };
export type Delivery = { readonly told: readonly AlertChannel['name'][]; readonly undelivered: readonly Undelivered[] };

/** An alert that says more makes another of the same time needless. */
const coveredForMs = 3_600_000;

/** Whoever loses has lost to one who went on, and each delivery of a signal writes a few times: so many are more than any storm brings. */
const mostWrites = 100;

/**
 * Takes a signal, and tells each channel what it does not know yet: that the problem began, that it lasts, that it is over.
 *
 * What is to be told is written down first, under a claim that keeps others from telling it too, then told channel by channel, each noted
 * as it is. A crash in between repeats at most the message that was under way; the same signal, delivered again once the claim is over,
 * goes on with the channels that are left.
 */
export async function deliverSignal(settings: AlertSettings, signal: Signal): Promise<Delivery> {
  const { config, store, channels, clock } = settings;
  const isCovered = signal.state === 'began' && (await hasSaidMore(settings, signal));
  const receiving = {
    now: clock(),
    channels: channels.map(({ name }) => name),
    repeatMs: config.alerts.repeatHours * 3_600_000,
    isCovered,
    claim: randomUUID(),
  };
  let record = await change(store, signal.problem, (current) => receive(current, signal, receiving));
  const told: AlertChannel['name'][] = [];
  const undelivered: Undelivered[] = [];
  for (const channel of channels) {
    const pending: AlertRecord['pending'] = record?.pending ?? null;
    if (record === undefined || pending?.claim !== receiving.claim || !pending.channels.includes(channel.name))
      continue;
    try {
      await channel.send(alertText(pending.what, record, { runbooks: config.alerts.runbooks }));
      told.push(channel.name);
      record = await change(
        store,
        signal.problem,
        (current) => current && delivered(current, channel.name, { ...receiving, now: clock() }),
      );
    } catch (error) {
      undelivered.push({ channel: channel.name, error: asHoldfastError(error) });
    }
  }
  if (undelivered.length > 0)
    await change(store, signal.problem, (current) => current && givenUp(current, { ...receiving, now: clock() }));
  return { told, undelivered };
}

/** Changes a problem's record against whoever else changes it; the record that results, or undefined when there is nothing to change. */
async function change(
  store: Store,
  problem: string,
  next: (current: AlertRecord | undefined) => AlertRecord | undefined,
): Promise<AlertRecord | undefined> {
  const key = alertKey(problem);
  for (let write = 1; write <= mostWrites; write++) {
    const current: Document<AlertRecord> = await readDocument(store, key, alertRecordSchema);
    const changed = next(current.value);
    if (changed === undefined || changed === current.value) return changed;
    if (await replaceDocument(store, key, changed, current)) return changed;
  }
  throw new HoldfastError('store-unavailable', `the alert '${key}' was replaced ${mostWrites} times in a row`);
}

async function hasSaidMore({ store, clock }: AlertSettings, signal: Signal): Promise<boolean> {
  const since = clock().getTime() - coveredForMs;
  for (const kind of kindsThatTellMore(signal)) {
    for await (const { key } of store.list(alertKey(kind).replace(/\.json$/, ''))) {
      if (key === alertKey(signal.problem)) continue;
      const { value } = await readDocument(store, key, alertRecordSchema);
      if (value === undefined) continue;
      const lately = Object.values(value.told).some((at) => Date.parse(at) >= since);
      if (isOpen(value) || lately) return true;
    }
  }
  return false;
}
