import type { HoldfastConfig } from '../config/config.ts';
import { describeError } from '../core/errors.ts';
import type { TargetHealth, TargetsHealth } from '../core/health.ts';
import { healthKeys } from '../core/object-keys.ts';
import { openEngine } from '../engines/open-engine.ts';
import { putJson } from '../store/text.ts';
import { engineContext, type RunContext } from './context.ts';

/** Asks every target how it is, side by side, and leaves the answers in the store. A target that gives none is an answer too. */
export async function askTargets(context: RunContext): Promise<TargetsHealth> {
  const targets = await Promise.all(context.config.targets.map((target) => ask(context, target)));
  const health = { at: context.clock().toISOString(), targets };
  await putJson(context.store, healthKeys.targets, health);
  return health;
}

async function ask(context: RunContext, target: HoldfastConfig['targets'][number]): Promise<TargetHealth> {
  try {
    const { serverVersion, unarchivedWalFiles, note } = await openEngine(target.engine).health(
      await engineContext(context, target),
    );
    return {
      target: target.name,
      isReachable: true,
      serverVersion,
      unarchivedWalFiles,
      ...(note === undefined ? {} : { note }),
    };
  } catch (error) {
    context.signal.throwIfAborted();
    return { target: target.name, isReachable: false, error: describeError(error), unarchivedWalFiles: null };
  }
}
