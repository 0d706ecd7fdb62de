import { HoldfastError } from '../core/errors.ts';
import { defaultPartPlan } from '../core/part-plan.ts';
import { throwIfCancelled } from './cancellation.ts';
import { PartLedger } from './part-ledger.ts';
import type { StagedFile, StagingArea } from './staging-area.ts';
import type { ObjectInfo, Upload, UploadOptions } from './store.ts';

/**
 * An upload into one temporary file: each part is written at the place that the plan gives it, so that parts need no order and
 * nothing is copied at the end.
 */
export async function beginDirectoryUpload(setting: {
  readonly key: string;
  readonly options: UploadOptions;
  readonly staging: StagingArea;
  readonly attempt: <T>(work: () => Promise<T>) => Promise<T>;
  readonly publish: (staged: StagedFile) => Promise<ObjectInfo>;
}): Promise<Upload> {
  const { key, options, staging, attempt, publish } = setting;
  const ledger = new PartLedger(key, options.parts ?? defaultPartPlan);
  const staged = await staging.create();
  let isEnded = false;

  return {
    key,
    writePart: async (partNumber, body) => {
      await attempt(async () => {
        if (isEnded) throw new HoldfastError('internal', `upload of '${key}' has ended already`);
        let position = ledger.begin(partNumber, body.length);
        for (let done = 0; done < body.length; ) {
          throwIfCancelled(options.signal);
          const { bytesWritten } = await staged.handle.write(body, done, body.length - done, position);
          done += bytesWritten;
          position += bytesWritten;
        }
      });
    },
    complete: async () =>
      await attempt(async () => {
        const total = ledger.total();
        const { size } = await staged.handle.stat();
        if (size !== total) throw new HoldfastError('internal', `upload of '${key}' has ${size} bytes, not ${total}`);
        try {
          isEnded = true;
          return await publish(staged);
        } finally {
          await staging.discard(staged);
        }
      }),
    abort: async () => {
      isEnded = true;
      await staging.discard(staged);
    },
  };
}
