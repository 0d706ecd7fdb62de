import * as z from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { type ErrorCode, errorTable } from '../core/error-table.ts';
import { holdfastVersion } from '../version.ts';
import { problemSchema } from './problem.ts';
import { asksForKey, type Route } from './route.ts';
import { allRoutes } from './routes/all-routes.ts';

/** What every route may answer. */
const common: readonly ErrorCode[] = ['usage', 'caller-unknown', 'store-denied', 'store-unavailable', 'internal'];
/** What a route with a body may answer beside that. */
const ofBodies: readonly ErrorCode[] = ['body-too-large', 'media-type-unsupported'];

const keyHeader = z
  .string()
  .regex(/^[!-~]{1,255}$/)
  .describe(
    'Names the wish: asked again with the same key it is the same operation, and is not done twice. A UUID, say',
  )
  .meta({ example: '6f1c1c1e-4a55-4b0e-9a8e-4f3c1f3f0c11' });

let document: object | undefined;

/** The OpenAPI 3.1 description of the API, made from the very schemas that check its requests and answers. */
export function openApiDocument(): object {
  document ??= createDocument(
    {
      openapi: '3.1.1',
      info: {
        title: 'Holdfast',
        version: holdfastVersion,
        description:
          'Backups, restores and schedules of one installation. On AWS requests are signed (Signature Version 4, service `lambda`); on the local stack they bear the token that `holdfast api token` prints.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [
        { url: 'http://127.0.0.1:8084/api', description: 'the local stack' },
        {
          url: 'https://{function}.lambda-url.{region}.on.aws',
          description: 'the function URL, which `holdfast api --aws` prints',
          variables: { function: { default: 'function' }, region: { default: 'eu-central-1' } },
        },
      ],
      security: [{ token: [] }, { sigv4: [] }],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'The local stack' },
          sigv4: {
            type: 'apiKey',
            in: 'header',
            name: 'Authorization',
            description: 'AWS Signature Version 4, service `lambda`',
            'x-amazon-apigateway-authtype': 'awsSigv4',
          },
        },
      },
      paths: pathsOf(allRoutes),
    },
    // Whoever reads answers may meet fields that a later version adds.
    { outputIdSuffix: '' },
  );
  return document;
}

function pathsOf(routes: readonly Route[]): ZodOpenApiPathsObject {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const route of routes) {
    const path = paths[route.path] ?? {};
    path[route.method.toLowerCase()] = operationOf(route);
    paths[route.path] = path;
  }
  return paths;
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  const { operationId, tag, summary, description, params, query, body, answer } = route;
  const isJson = !(answer.schema instanceof z.ZodUnknown);
  const codes = new Set([...common, ...route.errors, ...(body === undefined ? [] : ofBodies)]);
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    requestParams: {
      ...(params === undefined ? {} : { path: params }),
      ...(query === undefined ? {} : { query }),
      ...(asksForKey(route) ? { header: z.object({ 'Idempotency-Key': keyHeader }) } : {}),
    },
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: {
      [String(answer.status)]: {
        description: answer.description,
        ...(answer.status === 202
          ? { headers: z.object({ location: z.string().describe('Where the run can be followed') }) }
          : {}),
        content: isJson
          ? { 'application/json': { schema: answer.schema } }
          : Object.fromEntries(
              ['application/json', 'text/html', 'text/markdown', 'text/plain'].map((type) => [type, {}]),
            ),
      },
      ...problemsOf([...codes]),
    },
  };
}

/** The problems of one status are one entry, which names their codes. */
function problemsOf(codes: readonly ErrorCode[]) {
  const byStatus = Map.groupBy(codes, (code) => errorTable[code].http);
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      String(status),
      {
        description: ofStatus.toSorted().join(', '),
        content: { 'application/problem+json': { schema: problemSchema } },
      },
    ]),
  );
}
