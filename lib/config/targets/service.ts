import * as z from 'zod';

const commandSchema = z.array(z.string().min(1)).min(1);

const nameSchema = z.string().regex(/^[\w-]{1,255}$/, 'is not a name of ECS: letters, digits, dashes, underscores');

const ecsServiceSchema = z.strictObject({
  cluster: nameSchema.describe("The cluster's name, in this account and region"),
  service: nameSchema.describe("The service's name"),
});
/** A service of ECS, by its names. */
export type EcsService = z.output<typeof ecsServiceSchema>;

const serviceSchema = z
  .strictObject({
    stop: commandSchema
      .optional()
      .describe('Program and arguments; it ends when the server has, and with 0 when it had before'),
    start: commandSchema.optional().describe('Program and arguments; run after the backup, whatever became of it'),
    ecs: ecsServiceSchema
      .optional()
      .describe(
        'On AWS, the ECS service that runs the server: its desired count is set to 0, and back to what it was. On the local stack, stop and start stand for it',
      ),
  })
  .superRefine(({ stop, start, ecs }, context) => {
    if ((stop === undefined) !== (start === undefined))
      context.addIssue({ code: 'custom', message: 'say both stop and start, or neither' });
    if (stop === undefined && ecs === undefined)
      context.addIssue({ code: 'custom', message: 'say stop and start, or ecs, or all of them' });
  });
export type Service = z.output<typeof serviceSchema>;

/** For engines that have methods for which the source's server is stopped. */
export const serviceShape = {
  service: serviceSchema
    .optional()
    .describe('How the server is stopped, and started again whatever happens. Left out, it must be stopped already'),
};
