import type { Target } from './config.ts';
import { isReceived } from './received-targets.ts';
import { buildsOnEarlier } from './targets/methods.ts';
import { recoversInTask } from './targets/task-folders.ts';

/** Has the target a write-ahead log that nobody receives? Its server may push it by itself, and no setting says whether it does. */
export const mayPushLog = (target: Target): boolean => recoversInTask(target.engine) && !isReceived(target);

/** Has it, besides, backups by which such a log would be of use? */
export const mayRecoverAlong = (target: Target): boolean =>
  mayPushLog(target) &&
  buildsOnEarlier(
    target.engine,
    target.backups.map(({ method }) => method),
  );
