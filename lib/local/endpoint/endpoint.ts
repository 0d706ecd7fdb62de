import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AwsError } from '../aws-error.ts';
import type { CallLog } from '../call-log.ts';
import type { Caller, Identities } from '../identities.ts';
import { asJsonObject, isJsonObject, type Json, type JsonObject } from '../json.ts';
import type { Invocation } from '../lambda/function-runner.ts';
import type { Operation, Operations } from './operation.ts';
import type { RestService } from './rest.ts';
import { verifySignature } from './signature.ts';

/** What stands behind the endpoint. Services with JSON protocols go by the prefix of `X-Amz-Target`. */
export type EndpointServices = {
  readonly json: Readonly<Record<string, Operations>>;
  /** Services with the query protocol, by the name they sign for. */
  readonly query: Readonly<Record<string, Operations>>;
  /** Services with REST protocols, by the name they sign for. */
  readonly rest: Readonly<Record<string, RestService>>;
  /** Lambda's `Invoke`; throws `ResourceNotFoundException`. */
  readonly invoke: (nameOrArn: string, payload: Json, isEvent: boolean) => Promise<Invocation>;
  readonly functionArn: (nameOrArn: string) => string;
};

export type Endpoint = {
  readonly url: string;
  /** Services may be connected after the address is known, since resources refer to it. */
  readonly connect: (services: EndpointServices) => void;
  readonly close: () => Promise<void>;
};

type Answer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string };

const bodyLimitBytes = 8 * 1024 * 1024;

/**
 * One HTTP server on loopback that speaks the AWS protocols, for the operations that the programs use. Requests must be signed
 * with credentials of this start; each is recorded with its caller. Any other operation is refused by its name.
 */
export async function openEndpoint(options: {
  readonly identities: Identities;
  readonly calls: CallLog;
}): Promise<Endpoint> {
  let services: EndpointServices | undefined;
  const server = createServer((request, response) => {
    void handle(request, response, services, options);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    connect: (connected) => {
      services = connected;
    },
    close: () => closeServer(server),
  };
}

/** Ends a server and the connections that clients keep open. */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  services: EndpointServices | undefined,
  options: { readonly identities: Identities; readonly calls: CallLog },
): Promise<void> {
  const answer = await respond(request, services, options).catch(errorAnswer);
  response.writeHead(answer.status, answer.headers).end(answer.body);
}

async function respond(
  request: IncomingMessage,
  services: EndpointServices | undefined,
  { identities, calls }: { readonly identities: Identities; readonly calls: CallLog },
): Promise<Answer> {
  const body = await readBody(request);
  const { method = 'GET', url = '/', headers } = request;
  const { caller, service } = verifySignature({ method, url, headers, body }, identities);
  if (services === undefined) throw new AwsError('ServiceUnavailable', 'the local stack is still starting', 503);
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string') return jsonAnswer(target, body, { services, caller, calls });
  const invocation = /^\/2015-03-31\/functions\/([^/?]+)\/invocations/.exec(url);
  if (request.method === 'POST' && invocation !== null)
    return invokeAnswer(decodeURIComponent(invocation[1] ?? ''), request, body, { services, caller, calls });
  if (headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
    return queryAnswer(service, body, { services, caller, calls });
  const rest = services.rest[service];
  if (rest !== undefined) return restAnswer(rest, request.method ?? 'GET', url, body, { services, caller, calls });
  throw unknownOperation(`${request.method} ${url.split('?')[0]} of '${service}'`);
}

type Context = { readonly services: EndpointServices; readonly caller: Caller; readonly calls: CallLog };

async function jsonAnswer(target: string, body: Buffer, context: Context): Promise<Answer> {
  const [prefix = '', name = ''] = target.split('.');
  const result = await perform(context.services.json[prefix], name, target, parseJson(body), context);
  return {
    status: 200,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify(result),
  };
}

async function restAnswer(
  service: RestService,
  method: string,
  url: string,
  body: Buffer,
  { caller, calls }: Context,
): Promise<Answer> {
  const { pathname, searchParams } = new URL(url, 'http://local');
  const meant = service(method, pathname.split('/').slice(1).map(decodeURIComponent));
  if (meant === undefined) throw unknownOperation(`${method} ${pathname}`);
  const input = { ...parseJson(body), ...Object.fromEntries(searchParams), ...meant.input };
  const result = await performOperation(meant.operation, input, { caller, calls });
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(result) };
}

async function queryAnswer(service: string, body: Buffer, context: Context): Promise<Answer> {
  const { Action = '', Version: _, ...input } = Object.fromEntries(new URLSearchParams(body.toString()));
  const result = await perform(context.services.query[service], Action, `${service}:${Action}`, input, context);
  return {
    status: 200,
    headers: { 'content-type': 'text/xml' },
    body: `<${Action}Response><${Action}Result>${xmlOf(result)}</${Action}Result></${Action}Response>`,
  };
}

async function invokeAnswer(
  name: string,
  request: IncomingMessage,
  body: Buffer,
  { services, caller, calls }: Context,
): Promise<Answer> {
  calls.add(caller, 'lambda:InvokeFunction', services.functionArn(name));
  const isEvent = request.headers['x-amz-invocation-type'] === 'Event';
  const invocation = await services.invoke(name, parseJson(body), isEvent);
  const isFailure = invocation.kind === 'error';
  return {
    status: isEvent ? 202 : 200,
    headers: {
      'content-type': 'application/json',
      'x-amz-executed-version': '$LATEST',
      ...(isFailure ? { 'x-amz-function-error': 'Unhandled' } : {}),
    },
    body: isEvent ? '' : JSON.stringify(isFailure ? invocation.failure : invocation.result),
  };
}

async function perform(
  operations: Operations | undefined,
  name: string,
  fullName: string,
  input: JsonObject,
  { caller, calls }: Context,
): Promise<Json> {
  const operation = operations?.[name];
  if (operation === undefined) throw unknownOperation(`'${fullName}'`);
  return performOperation(operation, input, { caller, calls });
}

async function performOperation(
  operation: Operation,
  input: JsonObject,
  { caller, calls }: Pick<Context, 'caller' | 'calls'>,
): Promise<Json> {
  calls.add(caller, operation.action, operation.resource(input), operation.context?.(input));
  const passed = operation.passes?.(input);
  if (passed !== undefined)
    calls.add(caller, 'iam:PassRole', passed.roleArn, { 'iam:PassedToService': passed.service });
  return operation.run(input, caller);
}

function unknownOperation(what: string): AwsError {
  return new AwsError('UnknownOperationException', `the local stack does not speak the operation ${what}`, 400);
}

function parseJson(body: Buffer): JsonObject {
  if (body.length === 0) return {};
  try {
    return asJsonObject(JSON.parse(body.toString()));
  } catch {
    throw new AwsError('SerializationException', 'the body is not JSON');
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > bodyLimitBytes) throw new AwsError('RequestEntityTooLarge', 'the request is too large', 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function errorAnswer(error: unknown): Answer {
  const name = error instanceof AwsError ? error.name : 'InternalFailure';
  const status = error instanceof AwsError ? error.status : 500;
  const message = error instanceof Error ? error.message : String(error);
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': name },
    body: JSON.stringify({ __type: name, message }),
  };
}

/** As the query protocol has it: a list is made of `member`s. */
function xmlOf(value: Json): string {
  if (Array.isArray(value)) return value.map((item: Json) => `<member>${xmlOf(item)}</member>`).join('');
  if (isJsonObject(value))
    return Object.entries(value)
      .map(([name, inner]) => `<${name}>${xmlOf(inner)}</${name}>`)
      .join('');
  return xml(String(value));
}

function xml(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
