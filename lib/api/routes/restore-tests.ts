import { requireTarget } from '../../config/config.ts';
import { type RestoreTestRequest, restoreTestRequestSchema } from '../../core/requests.ts';
import { startRestoreTest } from '../../lifecycle/start.ts';
import { findBackup } from '../../store/backups.ts';
import { claimKey } from '../idempotency.ts';
import { route } from '../route.ts';
import { runLocation, runNamed, runSchema } from './runs.ts';

const requestSchema = restoreTestRequestSchema
  .pick({ backup: true, target: true })
  .refine(({ backup, target }) => backup !== 'latest' || target !== undefined, "'latest' of which target?")
  .meta({ id: 'RestoreTestRequest' });

export const restoreTestRoutes = [
  route({
    method: 'POST',
    path: '/restore-tests',
    operationId: 'createRestoreTest',
    tag: 'restore tests',
    summary: 'Proves that a backup restores: into a server of its own, compared and examined',
    description:
      'Which backup is chosen by chance where none is named, of one target or of all. It is started, and goes on by itself: ask GET /runs for how it goes.',
    body: requestSchema,
    answer: { status: 202, description: 'It was started', schema: runSchema },
    errors: ['backup-unknown', 'target-unknown', 'idempotency-key-reused'],
    run: async (call) => {
      const { config, body, store, key, caller, clock } = call;
      if (body.target !== undefined) requireTarget(config, body.target);
      if (body.backup !== undefined) await findBackup(store, { ...body, backup: body.backup });
      const wish = { key, caller: caller.name, operation: 'createRestoreTest', request: body };
      const claim = await claimKey(store, wish, clock());
      const request: RestoreTestRequest = { ...body, requestedBy: caller };
      const { name } = await startRestoreTest(call.executions, call.runtime.machines['restore-test'], request, {
        at: claim.at,
        tail: claim.id.slice(0, 8),
      });
      const location = runLocation('restore-test', name);
      return { value: await runNamed(call, 'restore-test', name), headers: { location } };
    },
  }),
];
