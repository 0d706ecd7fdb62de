import type { Failure } from '../core/failure.ts';
import { backupIdSchema } from '../core/ids.ts';
import type { JournalEvent } from '../core/journal.ts';
import type { Recorder } from './recorder.ts';

/** What is known of a request whose run cannot say itself how it ended. */
export type UnstartedRequest = {
  readonly requestId: string;
  readonly kind: 'backup' | 'recovery' | 'verification' | 'cleanup';
  /** Recorded first, so that the failure has something to be the failure of. */
  readonly events: readonly JournalEvent[];
  readonly tenant?: string | null;
};

/** Ends the row of a request with a failure, by an event. Requests of other kinds have no such row. */
export async function recordRequestFailure(
  { recorder, clock }: { readonly recorder: Recorder; readonly clock: () => Date },
  { requestId, kind, events, tenant }: UnstartedRequest,
  error: Failure,
): Promise<void> {
  if (kind !== 'backup' && kind !== 'recovery') return;
  for (const event of events) await recorder.record(event);
  const at = clock().toISOString();
  const ended = {
    operation: backupIdSchema.parse(requestId),
    at,
    tenant: tenant ?? events[0]?.tenant ?? null,
    endedAt: at,
    error,
  };
  await recorder.record(
    kind === 'backup'
      ? { event: 'backup-failed', ...ended }
      : {
          event: 'recovery-ended',
          ...ended,
          status: 'FAILED',
          beganAt: events[0]?.at ?? at,
          restoredBytes: 0,
          compared: false,
        },
  );
}
