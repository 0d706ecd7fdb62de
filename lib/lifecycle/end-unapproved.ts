import type { CatalogClient } from '../catalog/client.ts';
import type { HoldfastConfig } from '../config/config.ts';
import { orNote } from './or-note.ts';
import type { Recorder } from './recorder.ts';
import { recordRequestFailure } from './request-failure.ts';

type Dependencies = {
  readonly config: Pick<HoldfastConfig, 'recovery'>;
  readonly catalog: CatalogClient;
  readonly recorder: Recorder;
  readonly log: { info(message: string): void; warn(message: string): void };
};

/**
 * Ends recoveries that waited for a second person's approval for longer than the configuration allows.
 *
 * Order, and what a crash after each step leaves. The catalog marks the request, from when on it can be approved no more (handed out again a
 * minute later); its events and its end go into the journal, under the time of that mark (write-once: the same again); the catalog's row
 * follows from the end.
 */
export async function endUnapproved({ config, catalog, recorder, log }: Dependencies): Promise<void> {
  for (const { requestId, events, endedAt, failure } of await catalog.expireApprovals(config.recovery.approvalHours)) {
    const clock = (): Date => new Date(endedAt);
    const request = { requestId, kind: 'recovery', events } as const;
    await orNote(log, () => recordRequestFailure({ recorder, clock }, request, failure));
    log.info(`recovery '${requestId}' was given up: ${failure.message}`);
  }
}
