import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HoldfastConfig, Target } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import { resolveSecret } from '../config/resolve-secret.ts';
import type { EngineContext } from '../engines/engine.ts';
import { openKeyProviderOf } from '../keys/open-key-provider.ts';
import { ProgressMeter } from '../pipeline/progress-meter.ts';
import { type StoppingRun, sourceService } from '../services/source-service.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import type { ReportProgress } from './progress.ts';

/** What a run works with, whether it is a Fargate task, a local process or a verb of the CLI. */
export type RunContext = {
  readonly config: HoldfastConfig;
  readonly environment: Environment;
  readonly store: Store;
  /** Who opens a wrapped data key. */
  readonly openKeys: typeof openKeyProviderOf;
  readonly image: string;
  /** Tells this process's objects from those of any other attempt at the same backup. */
  readonly attempt: string;
  readonly clock: () => Date;
  readonly signal: AbortSignal;
  readonly report: ReportProgress;
  /** A private folder, removed when the run ends. */
  readonly scratch: string;
};

type Options = {
  readonly config: HoldfastConfig;
  readonly environment: Environment;
  /** @default - openKeyProviderOf: the key file, or KMS */
  readonly openKeys?: typeof openKeyProviderOf;
  readonly image?: string;
  readonly clock?: () => Date;
  readonly signal: AbortSignal;
  readonly report: ReportProgress;
};

/** What it takes to ask a source something: no store, no key. */
export type SourceContext = Pick<RunContext, 'config' | 'environment' | 'signal' | 'report' | 'scratch'>;

/** Makes a scratch folder, hands it to `work`, and removes it. */
export async function withSourceContext<Result>(
  options: Omit<SourceContext, 'scratch'>,
  work: (context: SourceContext) => Promise<Result>,
): Promise<Result> {
  const { config, environment, signal, report } = options;
  const scratch = await mkdtemp(join(tmpdir(), 'holdfast-'));
  try {
    return await work({ config, environment, signal, report, scratch });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Opens the store, hands it to `work`, and closes everything behind it. */
export async function withRunContext<Result>(
  options: Options,
  work: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  return withSourceContext(options, async (source) => {
    const store = await openStore(options.config.store);
    try {
      return await work({
        ...source,
        store,
        openKeys: options.openKeys ?? openKeyProviderOf,
        image: options.image ?? 'local',
        attempt: randomBytes(2).toString('hex'),
        clock: options.clock ?? (() => new Date()),
      });
    } finally {
      await store.close();
    }
  });
}

/** What an engine needs to work on `target`, its password resolved for the length of the run. Without a run it may look, and stop nothing. */
export async function engineContext(context: SourceContext, target: Target, run?: StoppingRun): Promise<EngineContext> {
  const { password, ...connection } = target.connection;
  const service = sourceService(target, run);
  return {
    target: target.name,
    connection: {
      ...connection,
      password: password && (await resolveSecret(password, { environment: context.environment })),
    },
    parallelJobs: context.config.run.parallelJobs,
    options: target,
    signal: context.signal,
    progress: metered(context.report),
    scratch: context.scratch,
    ...(service && { service }),
  };
}

/** An engine says how far it is; what that makes in rate and time left is reckoned here, for each phase by itself. */
export function metered(report: ReportProgress): EngineContext['progress'] {
  const meters = new Map<string, ProgressMeter>();
  return ({ phase, detail, bytes, expectedBytes }) => {
    if (bytes === undefined || expectedBytes === undefined) {
      report({ phase, detail, bytes });
      return;
    }
    const key = `${phase}\n${detail ?? ''}`;
    const meter = meters.get(key) ?? new ProgressMeter({ expectedBytes });
    meters.set(key, meter);
    report({ phase, detail, ...meter.update(bytes) });
  };
}
