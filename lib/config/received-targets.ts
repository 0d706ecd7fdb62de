import type { Target } from './config.ts';
import type { WalTargetSettings } from './targets/wal.ts';

/** A target whose write-ahead log is received. */
export type ReceivedTarget = Target & { readonly wal: WalTargetSettings };

/** Is the target's write-ahead log received? */
export const isReceived = <Any extends Pick<Target, 'wal'>>(target: Any): target is Any & Pick<ReceivedTarget, 'wal'> =>
  target.wal?.receive === true;

/** Those of the targets whose write-ahead log is received. */
export const receivedTargets = (targets: readonly Target[]): readonly ReceivedTarget[] => targets.filter(isReceived);
