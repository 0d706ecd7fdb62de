import type { Route } from '../route.ts';
import { backupRoutes } from './backups.ts';
import { healthRoutes } from './health.ts';
import { reportRoutes } from './reports.ts';
import { restoreTestRoutes } from './restore-tests.ts';
import { restoreRoutes } from './restores.ts';
import { runRoutes } from './runs.ts';
import { scheduleRoutes } from './schedules.ts';
import { targetRoutes } from './targets.ts';

/** Every route of the API but that of its own description. */
export const allRoutes: readonly Route[] = [
  ...healthRoutes,
  ...targetRoutes,
  ...backupRoutes,
  ...runRoutes,
  ...restoreRoutes,
  ...restoreTestRoutes,
  ...scheduleRoutes,
  ...reportRoutes,
];
