import type { CatalogClient } from '../catalog/client.ts';
import type { HoldfastConfig } from '../config/config.ts';
import { nameOfRequester } from '../core/manifest.ts';
import { describePoint } from '../core/recovery-point.ts';
import type { RestoreRequest, RestoreRun } from '../core/requests.ts';
import { type EventSender, putEvent } from './put-event.ts';
import type { Recorder } from './recorder.ts';

type Dependencies = {
  readonly config: Pick<HoldfastConfig, 'recovery'>;
  readonly catalog: CatalogClient;
  readonly recorder: Recorder;
  readonly sender: EventSender;
};

type Asked = {
  readonly run: RestoreRun;
  readonly request: RestoreRequest;
  readonly taskToken: string;
  /** When the execution began: the same for every retry. */
  readonly startedAt: string;
};

/**
 * Asks for a second person's approval of a recovery whose execution waits for it.
 *
 * Order, and what a crash after each step leaves. That it waits goes into the journal (write-once: the same again); the token goes to the
 * catalog, where whoever passes decisions on finds it (a retry replaces it by its own, the old one being worth nothing); then people are told,
 * once however often it is said. The token goes nowhere else: neither into the journal nor to people.
 */
export async function askApproval(
  { config, catalog, recorder, sender }: Dependencies,
  { run, request, taskToken, startedAt }: Asked,
): Promise<{ readonly until: string }> {
  const since = new Date(startedAt);
  const until = new Date(since.getTime() + config.recovery.approvalHours * 3_600_000).toISOString();
  const { recoveryId, target, execution, tenant, requestedBy, requestedAt } = run;
  const asker = nameOfRequester(requestedBy);
  await recorder.record({
    event: 'recovery-approval-awaited',
    operation: recoveryId,
    at: since.toISOString(),
    tenant,
    target,
    until,
    execution,
  });
  await catalog.awaitApproval({
    ...{ recoveryId, taskToken, tenant, execution, request, requestedAt, requestedBy: asker },
    ...{ receiver: run.into, since: since.toISOString(), until },
  });
  const destination = `'${run.into}${run.as === null ? '' : `/${run.as}`}'`;
  const point = run.point === null ? '' : ` to ${describePoint(run.point)}`;
  await putEvent(sender, 'Recovery Awaits Approval', {
    ...{ operation: recoveryId, target, into: run.into, execution, until },
    message:
      `a recovery of '${target}'${point} into ${destination}, asked for by '${asker}', waits for somebody else's approval until ${until}: ` +
      `call backup_mgmt.approve_recovery('${recoveryId}')`,
  });
  return { until };
}
