import * as z from 'zod';

/** How the write-ahead log of a target is received, between its base backups. */
export const walSchema = z
  .strictObject({
    receive: z
      .boolean()
      .default(false)
      .describe('true: a service receives the log all the time, so that seconds are lost and not hours'),
    slot: z
      .string()
      .regex(/^[a-z0-9_]{1,63}$/, "is not a slot's name: small letters, digits and '_', 63 at most")
      .optional()
      .describe(
        'The physical replication slot, made when it is not there; holdfast_ and the name of the target when left out',
      ),
    flushSeconds: z
      .number()
      .int()
      .min(1)
      .max(300)
      .default(10)
      .describe('What is there of a segment that is not full is stored after so long: at most that much is lost'),
    taskCpu: z
      .union([z.literal(256), z.literal(512), z.literal(1024), z.literal(2048), z.literal(4096)])
      .default(512)
      .describe('On AWS: CPU units of the service; 512 take about 40 MB of log a second'),
    taskMemoryMiB: z
      .number()
      .int()
      .min(1024)
      .max(30_720)
      .default(1024)
      .describe('On AWS: memory of the service; a log with segments of 1 GiB needs 6144'),
  })
  .prefault({});
export type WalTargetSettings = z.output<typeof walSchema>;

/** The slot by which a server keeps its log for the target's receiver. */
export const slotOf = (target: { readonly name: string; readonly wal?: WalTargetSettings | undefined }): string =>
  target.wal?.slot ?? `holdfast_${target.name.replaceAll('-', '_')}`;
