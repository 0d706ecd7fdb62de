import { alertRecordSchema, isOpen, type Signal } from '../core/alerts.ts';
import { HoldfastError } from '../core/errors.ts';
import { type CanaryState, canaryStateSchema, watchStateSchema } from '../core/health.ts';
import { alertKey, healthKeys } from '../core/object-keys.ts';
import { problemId } from '../core/problem-kinds.ts';
import { signalsIn } from '../core/signals.ts';
import { emitMetrics } from '../observe/metrics.ts';
import { readDocument } from '../store/document.ts';
import { putJson } from '../store/text.ts';
import type { AlertChannel } from './alert-channels.ts';
import { type AlertSettings, deliverSignal, type Undelivered } from './deliver-signal.ts';

type Dependencies = AlertSettings & {
  readonly installation: string;
  readonly log: { info(message: string): void; warn(message: string): void };
};

/**
 * Tells people what a message of the topics says, each problem once. A channel that is down keeps nothing from the others, which are told
 * of it too. Throws `channel-down` in the end, so that Lambda tries the message again, with the channels that are left, and keeps it in a
 * dead-letter queue when that fails as well.
 */
export async function notify(dependencies: Dependencies, text: string): Promise<void> {
  const { installation, log } = dependencies;
  const undelivered: Undelivered[] = [];
  for (const signal of signalsIn(text, { installation })) {
    const delivery = await deliverSignal(dependencies, signal);
    for (const channel of delivery.told) {
      log.info(`told '${signal.problem}' (${signal.state}) by ${channel}`);
      await isUp(dependencies, channel);
    }
    undelivered.push(...delivery.undelivered);
  }
  const [first] = undelivered;
  if (first === undefined) return;
  for (const one of undelivered) await isDown(dependencies, one);
  throw first.error;
}

/** The other channels are told that one is down. */
async function isDown(dependencies: Dependencies, { channel, error }: Undelivered): Promise<void> {
  dependencies.log.warn(error.message);
  emitMetrics({ Channel: channel }, { AlertUndelivered: 1 });
  const others = dependencies.channels.filter(({ name }) => name !== channel);
  await deliverSignal({ ...dependencies, channels: others }, about(dependencies, channel, 'began', error.message));
}

/** A channel that took something works again. */
async function isUp(dependencies: Dependencies, channel: AlertChannel['name']): Promise<void> {
  const { value } = await readDocument(
    dependencies.store,
    alertKey(problemId('channel-down', channel)),
    alertRecordSchema,
  );
  if (value === undefined || !isOpen(value)) return;
  await deliverSignal(dependencies, about(dependencies, channel, 'ended', value.message));
}

const about = ({ clock }: Dependencies, channel: string, state: Signal['state'], message: string): Signal => ({
  problem: problemId('channel-down', channel),
  kind: 'channel-down',
  state,
  source: 'delivery',
  at: clock().toISOString(),
  target: null,
  message,
});

/**
 * Proves each channel, and writes down which work. What it says is worth reading: how many problems are open. That it has not succeeded for
 * a day raises an alarm of its own, which goes to mail without passing here.
 */
export async function canary(dependencies: Dependencies): Promise<CanaryState> {
  const { store, channels, clock } = dependencies;
  const at = clock().toISOString();
  const [before, watched] = await Promise.all([
    readDocument(store, healthKeys.canary, canaryStateSchema),
    readDocument(store, healthKeys.watch, watchStateSchema),
  ]);
  const open = watched.value?.open.length;
  const state =
    open === undefined
      ? 'Nothing has been watched yet'
      : open === 0
        ? 'No problem is open'
        : `Open problems: ${open} (holdfast health)`;
  const text = { subject: 'Holdfast: canary', text: `Holdfast canary: alerts reach this channel. ${state}.` };
  const proved = await Promise.all(
    channels.map(async (channel): Promise<CanaryState['channels'][number]> => {
      const workedAt = before.value?.channels.find((known) => known.channel === channel.name)?.workedAt ?? null;
      try {
        const detail = await channel.prove(text);
        return { channel: channel.name, isWorking: true, detail, workedAt: at };
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        return { channel: channel.name, isWorking: false, detail: error.message, workedAt };
      }
    }),
  );
  const result = { at, channels: proved };
  await putJson(store, healthKeys.canary, result);
  for (const { channel, isWorking } of proved) {
    if (!isWorking) continue;
    emitMetrics({ Channel: channel }, { AlertCanarySucceeded: 1 });
    await isUp(dependencies, channel as AlertChannel['name']);
  }
  for (const { channel, isWorking, detail } of proved) {
    if (isWorking) continue;
    const error = new HoldfastError('channel-down', detail);
    await isDown(dependencies, { channel: channel as AlertChannel['name'], error });
  }
  return result;
}
