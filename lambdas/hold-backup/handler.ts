import { holdBackup, holdRequestSchema, releaseBackup } from '../../lib/lifecycle/hold-backup.ts';
import { step } from '../frame.ts';

export const handler = step('hold-backup', holdRequestSchema, ({ isHeld, ...asked }, dependencies) =>
  (isHeld ? holdBackup : releaseBackup)({ ...dependencies, locks: 'cleanup' }, asked),
);
