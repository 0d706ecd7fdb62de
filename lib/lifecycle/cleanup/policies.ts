import type { HoldfastConfig } from '../../config/config.ts';
import { defaultRetention, tierRetentionDays } from '../../config/retention.ts';
import type { TargetName } from '../../core/ids.ts';
import type { RetentionPolicy } from '../../core/retention/policy.ts';

/** The rules of every configured target, and those for targets that are configured no longer: the defaults, and what manifests promise. */
export function policiesOf({ targets }: HoldfastConfig): {
  readonly policies: ReadonlyMap<TargetName, RetentionPolicy>;
  readonly otherwise: RetentionPolicy;
} {
  return {
    policies: new Map(
      targets.map(({ name, retentionDays, retention }) => [name, { days: retentionDays, ...retention }]),
    ),
    otherwise: { days: tierRetentionDays, ...defaultRetention },
  };
}
