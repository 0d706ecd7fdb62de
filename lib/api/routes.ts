import type { Router } from '@aws-lambda-powertools/event-handler/http';
import type { SFNClient } from '@aws-sdk/client-sfn';
import { z } from 'zod';
import type { CatalogClient } from '../catalog/client.ts';
import type { HoldfastConfig } from '../config/config.ts';
import type { Runtime } from '../config/runtime.ts';
import { asHoldfastError, errorTable, HoldfastError } from '../core/errors.ts';
import { backupIdSchema, targetNameSchema } from '../core/ids.ts';
import { backupRequestSchema } from '../core/requests.ts';
import { startBackup } from '../lifecycle/start.ts';
import { findBackup, listBackups, readManifest } from '../store/backups.ts';
import type { Store } from '../store/store.ts';
import { addWatchRoutes } from './watch-routes.ts';

type Dependencies = {
  readonly config: HoldfastConfig;
  readonly runtime: Runtime;
  readonly store: Store;
  readonly catalog: CatalogClient | undefined;
  readonly clock: () => Date;
  readonly executions: SFNClient;
};

/**
 * The routes of the API, added to `router`: health, metrics, targets, backups, and asking for a backup. Errors leave as
 * `application/problem+json` (RFC 9457) with the status that the error table gives them.
 */
export function createApi(
  router: Router,
  { config, runtime, store, catalog, clock, executions }: Dependencies,
): Router {
  addWatchRoutes(router, { config, store, catalog, clock });
  router.get('/targets', () => ({
    targets: config.targets.map(({ name, engine, backups }) => ({ name, engine, backups: [...backups] })),
  }));
  router.get('/backups', async ({ req }) => {
    const target = new URL(req.url).searchParams.get('target');
    const backups = [];
    for await (const found of listBackups(store, target === null ? undefined : targetNameSchema.parse(target)))
      backups.push(found);
    return { backups: backups.toReversed() };
  });
  router.get('/backups/:id', async ({ params }) => {
    const { target, id } = await findBackup(store, { backup: backupIdSchema.parse(params['id']) });
    return readManifest(store, target, id);
  });
  router.post('/backups', async ({ req }) => {
    const request = backupRequestSchema.parse(await req.json());
    const execution = await startBackup(executions, runtime.machines.backup, {
      ...request,
      requestedBy: { kind: 'api' },
    });
    return new Response(JSON.stringify(execution), { status: 202, headers: { 'content-type': 'application/json' } });
  });
  router.errorHandler([Error], async (error) => problem(error));
  return router;
}

function problem(error: unknown): Response {
  const { code, message, hint } =
    error instanceof z.ZodError ? new HoldfastError('usage', z.prettifyError(error)) : asHoldfastError(error);
  const status = errorTable[code].http;
  return new Response(JSON.stringify({ type: `urn:holdfast:error:${code}`, title: message, status, detail: hint }), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  });
}
