import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { alertRecordSchema, isOpen } from '../../core/alerts.ts';
import { HoldfastError } from '../../core/errors.ts';
import { canaryStateSchema } from '../../core/health.ts';
import { healthKeys, prefixes } from '../../core/object-keys.ts';
import { readDocument } from '../../store/document.ts';
import type { Store } from '../../store/store.ts';
import type { CliContext } from '../context.ts';
import { direct } from '../direct.ts';
import { clientSettings, functionIn, withLocalStack } from '../local.ts';
import { table } from '../output.ts';

type Options = { readonly prove?: boolean };

/** What was told of which problem, and whether each channel works; with --prove, proves the channels of the stack here first. */
export async function run(context: CliContext, { prove = false }: Options): Promise<number> {
  if (prove) await proveChannels(context);
  const { channels, alerts } = await direct(context, ({ store }) => read(store));
  const set = (await context.config()).alerts;
  const isAnySet = set.webhook !== undefined || set.emails.length > 0;
  context.output.result({ channels, alerts }, () => [
    ...(channels.length === 0
      ? [
          isAnySet
            ? "no channel was proved yet: the canary does at its time, and 'holdfast alerts --prove' now"
            : 'no channel is set, so nobody is told: set alerts.webhook or alerts.emails',
        ]
      : table(
          ['CHANNEL', 'WORKS', 'LAST PROVED', ''],
          channels.map(({ channel, isWorking, workedAt, detail }) => [
            channel,
            isWorking ? 'yes' : 'no',
            workedAt ?? 'never',
            detail,
          ]),
        )),
    '',
    ...(alerts.length === 0
      ? ['nothing was ever told']
      : table(
          ['PROBLEM', 'STATE', 'SINCE', 'OVER', 'NOT TOLD YET', ''],
          alerts.map((alert) => [
            alert.problem,
            isOpen(alert) ? 'open' : 'over',
            alert.since,
            alert.endedAt ?? '',
            alert.pending?.channels.join(', ') ?? '',
            alert.message,
          ]),
        )),
  ]);
  return channels.every(({ isWorking }) => isWorking) ? 0 : new HoldfastError('channel-down', '').exitCode;
}

async function read(store: Store) {
  const { value } = await readDocument(store, healthKeys.canary, canaryStateSchema);
  const alerts = [];
  for await (const { key } of store.list(prefixes.alerts)) {
    const { value: alert } = await readDocument(store, key, alertRecordSchema);
    if (alert !== undefined) alerts.push(alert);
  }
  return {
    channels: value?.channels ?? [],
    alerts: alerts.toSorted((a, b) => Number(isOpen(b)) - Number(isOpen(a)) || b.since.localeCompare(a.since)),
  };
}

async function proveChannels(context: CliContext): Promise<void> {
  await withLocalStack(context, async (stack) => {
    const answer = await new LambdaClient(clientSettings(stack)).send(
      new InvokeCommand({ FunctionName: functionIn(stack, 'AlertsNotifyFunction'), Payload: '{"canary":true}' }),
    );
    if (answer.FunctionError !== undefined)
      throw new HoldfastError('channel-down', `the canary failed: ${Buffer.from(answer.Payload ?? []).toString()}`);
  });
}
