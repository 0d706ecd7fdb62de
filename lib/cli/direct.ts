import type { HoldfastConfig } from '../config/config.ts';
import { useRegion } from '../config/environment.ts';
import { HoldfastError } from '../core/errors.ts';
import { type BackupId, backupIdSchema, type TargetName, targetNameSchema } from '../core/ids.ts';
import { openKeyProviderOf } from '../keys/open-key-provider.ts';
import { isLocalKey, localKeyProvider } from '../local/local-key-provider.ts';
import { type RunContext, type SourceContext, withRunContext, withSourceContext } from '../runner/context.ts';
import { throttled } from '../runner/progress.ts';
import { findBackup } from '../store/backups.ts';
import type { CliContext } from './context.ts';
import { stateDirectoryOf } from './state-directory.ts';
import { withVaultBucket } from './vault-bucket.ts';

const redrawMs = 100;

/** Runs `work` in this process, with store and key as configured: no stack, no catalog. */
export async function direct<Result>(
  { configFile, config, output, signal }: CliContext,
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  return withRunContext(
    {
      config: await withVaultBucket(await inItsRegion(config)),
      environment: process.env,
      openKeys: async (wrapped, settings) =>
        isLocalKey(wrapped) ? localKeyProvider(stateDirectoryOf(configFile)) : openKeyProviderOf(wrapped, settings),
      signal,
      report: throttled((event) => output.progress(event), redrawMs),
    },
    work,
  );
}

/** Runs `work`, which asks sources only, in this process: there may be no store yet. */
export async function withoutStore<Result>(
  { config, output, signal }: CliContext,
  work: (context: SourceContext) => Promise<Result>,
): Promise<Result> {
  return withSourceContext(
    {
      config: await inItsRegion(config),
      environment: process.env,
      signal,
      report: throttled((event) => output.progress(event), redrawMs),
    },
    work,
  );
}

/** The configuration; clients of AWS that are made from now on are in its region, unless the environment names one. */
async function inItsRegion(config: CliContext['config']): Promise<HoldfastConfig> {
  const loaded = await config();
  useRegion(loaded.aws.region);
  return loaded;
}

/** The backup that a user named: an id, or `latest` with `--target`. */
export function namedBackup(
  { store }: Pick<RunContext, 'store'>,
  backup: string,
  target: string | undefined,
): Promise<{ readonly target: TargetName; readonly id: BackupId }> {
  return findBackup(store, {
    backup: parseBackup(backup),
    target: target === undefined ? undefined : parseTarget(target),
  });
}

export function parseBackup(text: string): BackupId | 'latest' {
  if (text === 'latest') return text;
  const parsed = backupIdSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new HoldfastError('usage', `'${text}' is neither a backup id nor 'latest'`, {
    hint: "'holdfast list' shows the ids",
  });
}

export function parseTarget(text: string): TargetName {
  const parsed = targetNameSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new HoldfastError('target-unknown', `'${text}' is not a target's name`);
}
