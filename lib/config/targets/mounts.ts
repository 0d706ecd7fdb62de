import * as z from 'zod';

const mountSchema = z.strictObject({
  fileSystem: z.string().regex(/^fs-[0-9a-f]+$/, 'is not the id of an EFS file system (fs-…)'),
  accessPoint: z
    .string()
    .regex(/^fsap-[0-9a-f]+$/, 'is not the id of an access point (fsap-…)')
    .describe('Its POSIX user is whom tasks are to the file system: 0 reads everything, and restores owners'),
  path: z
    .string()
    .regex(/^\/[^:]+$/, 'is not an absolute path')
    .describe('Where tasks see it: what the target backs up lies there'),
});
export type Mount = z.output<typeof mountSchema>;

/** For engines whose tasks work on files of the source itself. */
export const mountsShape = {
  mounts: z
    .array(mountSchema)
    .max(10)
    .default([])
    .describe(
      'On AWS: EFS file systems that tasks of this target see, read-only but for restores. On the local stack folders are what they are',
    ),
};
