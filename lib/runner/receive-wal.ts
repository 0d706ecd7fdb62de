import { requireTarget, type Target } from '../config/config.ts';
import { slotOf, type WalTargetSettings } from '../config/targets/wal.ts';
import { HoldfastError } from '../core/errors.ts';
import type { TargetName } from '../core/ids.ts';
import { type ReceiveOptions, receiveWal } from '../wal/receiver/receive-wal.ts';
import { engineContext, type RunContext } from './context.ts';

/** The target and its settings for its write-ahead log. Throws `config-invalid` when its engine has none. */
function walTarget(
  { config }: Pick<RunContext, 'config'>,
  name: TargetName,
): Target & { readonly wal: WalTargetSettings } {
  const target = requireTarget(config, name);
  if (target.wal !== undefined) return { ...target, wal: target.wal };
  throw new HoldfastError('config-invalid', `target '${name}' is of an engine that has no write-ahead log to receive`, {
    hint: 'its backups are all that there is of it',
  });
}

/** Receives the write-ahead log of a target into the store until the context's signal fires. See `receiveWal`. */
export async function receiveTargetWal(
  context: RunContext,
  name: TargetName,
  { log, measure }: Pick<ReceiveOptions, 'log' | 'measure'>,
): Promise<void> {
  const target = walTarget(context, name);
  await receiveWal(context, {
    target: name,
    connection: async () => (await engineContext(context, target)).connection,
    settings: { slot: slotOf(target), flushSeconds: target.wal.flushSeconds },
    log,
    ...(measure === undefined ? {} : { measure }),
  });
}
