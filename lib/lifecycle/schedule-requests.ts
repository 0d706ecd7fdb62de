import * as z from 'zod';
import { scheduleChangedSchema, scheduleSettingsSchema } from '../core/journal.ts';

/** What the `schedules` function is asked: to change one schedule, or to make Scheduler say what is in force of all of them. */
export const scheduleRequestSchema = z.discriminatedUnion('operation', [
  z.strictObject({ operation: z.literal('apply') }),
  scheduleChangedSchema.pick({ schedule: true, change: true, requestedBy: true }).extend({
    operation: z.literal('change'),
    set: z.union([scheduleSettingsSchema.partial(), z.literal('as-configured')]),
  }),
]);
export type ScheduleRequest = z.infer<typeof scheduleRequestSchema>;

/** What CDK's provider framework sends at a deployment that changed a schedule, as far as it matters here. */
export const deploymentSchema = z.object({
  RequestType: z.enum(['Create', 'Update', 'Delete']),
  PhysicalResourceId: z.string().optional(),
});
