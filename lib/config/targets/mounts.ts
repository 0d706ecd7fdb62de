import { z } from 'zod';

const mountSchema = z.strictObject({
  fileSystem: z.string().regex(/^fs-[0-9a-f]+$/, 'is not the id of an EFS file system (fs-…)'),
  accessPoint: z
    .string()
    .regex(/^fsap-[0-9a-f]+$/, 'is not the id of an access point (fsap-…)')
    .optional()
    .describe('Left out, the whole file system'),
  path: z.string().startsWith('/').describe('Where the tasks see it'),
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
