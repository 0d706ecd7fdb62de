import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { catalogSettings } from '../../lib/catalog/settings.ts';
import { resolveSecret } from '../../lib/config/resolve-secret.ts';
import { loadRuntime } from '../../lib/config/runtime.ts';
import { createLogger } from '../../lib/observe/log.ts';
import { main } from './main.ts';

const log = createLogger('catalog');

async function settings() {
  const { config, environment } = loadRuntime();
  const existing = config.catalog.connection;
  return catalogSettings(environment, {
    password: async () => (existing?.password ? resolveSecret(existing.password, { environment }) : undefined),
    ...(existing && { tls: existing.sslmode }),
  });
}

/** The only door to the catalog's database. */
export const handler = middy<unknown, unknown>({ timeoutEarlyInMillis: 1000 })
  .use(injectLambdaContext(log, { resetKeys: true }))
  .handler((event) => main(event, { settings, log })) as (event: unknown, context: Context) => Promise<unknown>;
