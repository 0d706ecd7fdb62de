import type { Route } from '../route.ts';
import { backupRoutes } from './backups.ts';
import { cleanupRoutes } from './cleanups.ts';
import { healthRoutes } from './health.ts';
import { holdRoutes } from './holds.ts';
import { recoveryRoutes } from './recoveries.ts';
import { reportRoutes } from './reports.ts';
import { restoreTestRoutes } from './restore-tests.ts';
import { restoreRoutes } from './restores.ts';
import { runRoutes } from './runs.ts';
import { scheduleRoutes } from './schedules.ts';
import { targetRoutes } from './targets.ts';
import { validationRoutes } from './validations.ts';

/** Every route of the API but that of its own description. */
export const allRoutes: readonly Route[] = [
  ...healthRoutes,
  ...targetRoutes,
  ...backupRoutes,
  ...holdRoutes,
  ...validationRoutes,
  ...runRoutes,
  ...restoreRoutes,
  ...recoveryRoutes,
  ...restoreTestRoutes,
  ...cleanupRoutes,
  ...scheduleRoutes,
  ...reportRoutes,
];
