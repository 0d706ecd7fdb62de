import * as z from 'zod';
import { asCatalogError } from '../../lib/catalog/catalog-error.ts';
import { type CatalogSettings, connectCatalog, placeOf } from '../../lib/catalog/connect.ts';
import { answerRequest, type CatalogAnswers, parseCatalogRequest, type RequestOf } from '../../lib/catalog/requests.ts';

export type CatalogDependencies = {
  /** Asked anew for every invocation, so that a password or token is never older than that. */
  readonly settings: () => Promise<CatalogSettings>;
  readonly log: { info(message: string, extra: Readonly<Record<string, unknown>>): void };
};

/** What CDK's provider framework sends for a custom resource, as far as it matters here. */
const customResourceSchema = z.object({
  RequestType: z.enum(['Create', 'Update', 'Delete']),
  PhysicalResourceId: z.string().optional(),
});

/** The one thing that the custom resource stands for; never replaced. */
const physicalResourceId = 'holdfast-catalog-schema';

/**
 * Answers a request to the catalog, or a custom resource's event: Create and Update migrate, Delete leaves everything as it is. One
 * connection per invocation, closed before it answers.
 */
export async function main(event: unknown, dependencies: CatalogDependencies): Promise<unknown> {
  const resource = customResourceSchema.safeParse(event);
  if (!resource.success) return answer(parseCatalogRequest(event), dependencies);
  if (resource.data.RequestType === 'Delete') {
    return { PhysicalResourceId: resource.data.PhysicalResourceId ?? physicalResourceId };
  }
  const { to } = await answer<'migrate'>({ operation: 'migrate' }, dependencies);
  return { PhysicalResourceId: physicalResourceId, Data: { SchemaVersion: to } };
}

async function answer<Name extends keyof CatalogAnswers>(
  request: RequestOf<Name>,
  { settings: resolveSettings, log }: CatalogDependencies,
): Promise<CatalogAnswers[Name]> {
  const settings = await resolveSettings();
  await using connection = await connectCatalog({
    ...settings,
    role: request.operation === 'migrate' ? 'owner' : 'writer',
  });
  try {
    const result = await answerRequest<Name>(connection.client, request);
    log.info(`the catalog answered '${request.operation}'`, summaryOf(result));
    return result;
  } catch (error) {
    throw asCatalogError(error, placeOf(settings));
  }
}

/** What a log line may say of an answer: counts and versions, no rows. */
const summaryOf = (result: object | null): Readonly<Record<string, unknown>> =>
  Array.isArray(result)
    ? { rows: result.length }
    : Object.fromEntries(Object.entries(result ?? {}).filter(([, value]) => typeof value !== 'object'));
