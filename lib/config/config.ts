import { HoldfastError } from '../core/errors.ts';
import type { TargetName } from '../core/ids.ts';
import type { Format, Method, Tier } from '../core/vocabulary.ts';
import type { RetentionRules } from './retention.ts';
import type { ParsedConfig, TargetInput } from './schema.ts';
import type { SecretReference } from './secret-reference.ts';
import type { Mount } from './targets/mounts.ts';
import type { Service } from './targets/service.ts';
import type { WalTargetSettings } from './targets/wal.ts';

/** One schedule of one target, complete. */
export type BackupEntry = {
  /** `<target>-<tier>-<method>`, unique within an installation. */
  readonly name: string;
  readonly tier: Tier;
  readonly method: Method;
  readonly format: Format;
  readonly schedule: string;
  readonly timezone: string;
  readonly retentionDays: number;
  readonly enabled: boolean;
};

/** What an engine's own settings are, only the engine and its schema know (lib/config/targets). */
export type Target = Pick<TargetInput, 'name' | 'engine' | 'tenant' | 'restoreTest' | 'recoveryApproval'> & {
  /** How the source is reached; the engine parses it. */
  readonly connection: Readonly<Record<string, unknown>> & { readonly password?: SecretReference | undefined };
  /** File systems that its tasks see on AWS, where its engine works on files. */
  readonly mounts?: readonly Mount[] | undefined;
  /** How its write-ahead log is received, where its engine has one. */
  readonly wal?: WalTargetSettings | undefined;
  /** How its server is stopped and started, where its engine has methods for which it must be. */
  readonly service?: Service | undefined;
  readonly backups: readonly BackupEntry[];
  /** Kept this long when no entry of the same tier says otherwise, in days. */
  readonly retentionDays: Readonly<Record<Tier, number>>;
  /** What is kept beyond that. */
  readonly retention: RetentionRules;
  readonly rtoMinutes: number;
  readonly rpoHours: number;
};

/**
 * Configuration as the rest of Holdfast sees it: every default filled in, environment applied, paths absolute. Plain JSON,
 * without any secret, so that it can be baked into bundles and images.
 */
export type HoldfastConfig = Omit<ParsedConfig, 'targets' | '$schema'> & { readonly targets: readonly Target[] };

/** The configured target of that name. Throws `target-unknown`, naming those that there are. */
export function requireTarget(config: HoldfastConfig, name: TargetName): Target {
  const target = config.targets.find((candidate) => candidate.name === name);
  if (target) return target;
  const known = config.targets.map((other) => `'${other.name}'`).join(', ');
  throw new HoldfastError('target-unknown', `no target is called '${name}'`, {
    hint: `the configured targets are ${known}`,
  });
}
