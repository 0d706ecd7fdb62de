import type { Router } from '@aws-lambda-powertools/event-handler/http';
import type { Context } from 'aws-lambda';
import * as z from 'zod';
import { asHoldfastError, HoldfastError } from '../core/errors.ts';
import { callerOf } from './caller.ts';
import type { ApiDependencies } from './dependencies.ts';
import { openApiDocument } from './open-api.ts';
import { problemAnswer, RequestRefused } from './problem.ts';
import { asksForKey, type Call, type Route } from './route.ts';
import { allRoutes } from './routes/all-routes.ts';

/** No request of the API needs more; what is larger is refused before it is parsed. */
const largestBodyBytes = 64 * 1024;

/** What the function URL sends, as far as the API reads it. */
const eventSchema = z.object({
  rawPath: z.string(),
  rawQueryString: z.string().default(''),
  headers: z.record(z.string(), z.string().optional()).default({}),
  body: z.string().optional(),
  isBase64Encoded: z.boolean().default(false),
  requestContext: z.object({ http: z.object({ method: z.string() }) }).loose(),
});
type UrlEvent = z.infer<typeof eventSchema>;

/** An answer as the function URL takes it. */
export type UrlAnswer = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/**
 * The API: answers an event of a function URL (payload format 2.0), in which IAM, or the local stack, has said who asks. It never rejects: every
 * failure is a problem document (RFC 9457) with the status that the error table gives it.
 */
export function createApi(router: Router, dependencies: ApiDependencies): (event: unknown) => Promise<UrlAnswer> {
  for (const route of allRoutes) {
    router.route(({ req, params, event }) => answer(route, { req, params, event }, dependencies), {
      method: route.method,
      path: pathOf(route),
    });
  }
  router.get('/openapi.json', () => Response.json(openApiDocument()));
  router.notFound(async () => problemAnswer(new HoldfastError('route-unknown', 'there is nothing at this path')));
  router.errorHandler([Error], async (error) => problemOf(error, dependencies));
  return async (event) => {
    try {
      const parsed = eventSchema.parse(event);
      const refusal = refusalOf(parsed);
      if (refusal) return await asUrlAnswer(refusal);
      return (await router.resolve(onlyWhatIsRead(parsed, event), {} as Context)) as unknown as UrlAnswer;
    } catch (error) {
      return asUrlAnswer(problemOf(error, dependencies));
    }
  };
}

/** `/backups/{backupId}` as the router has it: `/backups/:backupId`. */
const pathOf = ({ path }: Route): `/${string}` => path.replaceAll(/\{(\w+)\}/g, ':$1') as `/${string}`;

/** What the router would not refuse in words: a path with another method, and too large a body. */
function refusalOf({ rawPath, body, isBase64Encoded, requestContext: { http } }: UrlEvent): Response | undefined {
  const path = rawPath === '/' ? rawPath : rawPath.replace(/\/+$/, '');
  const here = [...allRoutes, { method: 'GET', path: '/openapi.json' }].filter((route) =>
    new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
  );
  const methods = here.map(({ method }) => method);
  if (methods.length === 0) return problemAnswer(new HoldfastError('route-unknown', 'there is nothing at this path'));
  if (!methods.some((method) => method === http.method)) {
    const known = [...new Set(methods)].join(', ');
    return problemAnswer(new HoldfastError('method-not-allowed', `this path knows ${known} only`), { allow: known });
  }
  const sizeBytes = (body?.length ?? 0) * (isBase64Encoded ? 3 / 4 : 1);
  if (sizeBytes > largestBodyBytes)
    return problemAnswer(new HoldfastError('body-too-large', 'the body is larger than 64 KiB'));
  return undefined;
}

/** The event without what nobody here reads: a host, a cookie or a forwarded protocol, from which URLs would be made. */
function onlyWhatIsRead(parsed: UrlEvent, event: unknown): unknown {
  const { method } = parsed.requestContext.http;
  const headers = Object.entries(parsed.headers).filter(([name]) => readHeaders.has(name.toLowerCase()));
  const { cookies: _, body, ...rest } = event as { cookies?: unknown; body?: unknown };
  return {
    ...rest,
    headers: Object.fromEntries(headers),
    requestContext: { ...parsed.requestContext, domainName: 'api' },
    // A GET has no body, whatever came with it.
    ...(method === 'GET' || body === undefined ? {} : { body }),
  };
}

const readHeaders = new Set(['content-type', 'idempotency-key']);

const keySchema = z
  .string()
  .min(1, { message: 'is missing: send one with each change, a UUID say, and the same one to ask again', abort: true })
  .regex(/^[\x21-\x7e]{1,255}$/, 'is not a key: 1 to 255 printable ASCII characters without spaces, a UUID say');

async function answer(
  route: Route,
  { req, params, event }: { readonly req: Request; readonly params: unknown; readonly event: unknown },
  dependencies: ApiDependencies,
): Promise<Response> {
  const caller = callerOf(event);
  const call: Call<unknown, unknown, unknown> = {
    ...dependencies,
    caller,
    params: parsed(route.params ?? z.strictObject({}), params, 'path'),
    query: parsed(route.query ?? z.strictObject({}), queryOf(req), 'query'),
    key: asksForKey(route) ? parsed(keySchema, req.headers.get('idempotency-key') ?? '', 'idempotency-key') : '',
    body: await bodyOf(route, req),
  };
  const given = await route.run(call);
  if ('text' in given)
    return new Response(given.text, { headers: { 'content-type': given.contentType, ...given.headers } });
  const { status, schema } = route.answer;
  return new Response(JSON.stringify(schema.parse(given.value)), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...given.headers },
  });
}

function parsed<Value>(schema: z.ZodType<Value>, value: unknown, where: string): Value {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new RequestRefused(where, result.error);
}

/** A parameter that is given twice has no meaning that both sides would agree on. */
function queryOf(req: Request): Record<string, string> {
  const given = [...new URL(req.url).searchParams];
  const twice = given.find(([name], index) => given.findIndex(([other]) => other === name) !== index);
  if (twice) throw new HoldfastError('usage', `the query gives '${twice[0]}' more than once`);
  return Object.fromEntries(given);
}

async function bodyOf({ body }: Route, req: Request): Promise<unknown> {
  if (body === undefined) return undefined;
  const type = req.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') throw new HoldfastError('media-type-unsupported', 'the body is not said to be JSON');
  let value: unknown;
  try {
    value = JSON.parse(await req.text());
  } catch (cause) {
    throw new HoldfastError('usage', 'the body is not JSON', { cause, hint: 'send one JSON object' });
  }
  return parsed(body, value, 'body');
}

/** What nobody foresaw is for the log, whole, and for nobody else. */
function problemOf(error: unknown, { log }: ApiDependencies): Response {
  if (asHoldfastError(error).code === 'internal')
    log.error('a request failed', error instanceof Error ? error : new Error(String(error)));
  return problemAnswer(error);
}

async function asUrlAnswer(response: Response): Promise<UrlAnswer> {
  return { statusCode: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}
