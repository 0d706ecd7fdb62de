import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HoldfastError } from '../../core/errors.ts';
import { AwsError } from '../aws-error.ts';
import { closeServer } from '../endpoint/endpoint.ts';
import type { Executions } from '../executions/executions.ts';
import type { Identities } from '../identities.ts';
import type { JsonObject } from '../json.ts';
import type { Invocation } from '../lambda/function-runner.ts';
import { callApi, callFunctionUrl } from './function-url.ts';
import { type StatusFacts, statusPage } from './status-page.ts';

export type StatusServices = {
  readonly executions: Executions;
  readonly identities: Identities;
  readonly metrics: () => Promise<string>;
  readonly health: () => Promise<JsonObject>;
  readonly facts: () => Promise<StatusFacts>;
  readonly invoke: (functionName: string, event: JsonObject) => Promise<Invocation>;
  /** The function that `/api/` leads to, and the token that it asks for. */
  readonly api: { readonly functionName: string | undefined; readonly token: string };
};

export type StatusServer = {
  readonly url: string;
  readonly connect: (services: StatusServices) => void;
  readonly close: () => Promise<void>;
};

/**
 * The stack's face on loopback: `/` a page, `/health`, `/metrics`, `/executions` and, for each, its events as JSON lines while they
 * happen; the API under `/api/`, for those who have its token; function URLs under `/functions/<name>/`. Throws `port-taken`, saying whether another stack of ours has the port.
 */
export async function openStatusServer(port: number): Promise<StatusServer> {
  let services: StatusServices | undefined;
  const server = createServer((request, response) => {
    void route(request, response, services).catch((error: unknown) => fail(response, error));
  });
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    throw await explain(error, port);
  }
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${bound}`,
    connect: (connected) => {
      services = connected;
    },
    close: () => closeServer(server),
  };
}

async function route(
  request: IncomingMessage,
  response: ServerResponse,
  services: StatusServices | undefined,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://local');
  if (services === undefined) {
    sendJson(response, 503, { holdfast: true, status: 'starting' });
    return;
  }
  if (/^\/api(\/|$)/.test(url.pathname)) {
    await callApi(request, response, { ...services.api, invoke: services.invoke });
    return;
  }
  const [first = '', second = '', third = ''] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  if (first === 'functions') {
    await callFunctionUrl(request, response, { functionName: second, ...services });
    return;
  }
  if (request.method !== 'GET') throw new AwsError('MethodNotAllowed', 'only GET is served here', 405);
  if (first === '') send(response, 200, 'text/html; charset=utf-8', statusPage(await services.facts()));
  else if (first === 'health') sendJson(response, 200, await services.health());
  else if (first === 'metrics') send(response, 200, 'text/plain; version=0.0.4', await services.metrics());
  else if (first === 'executions' && second === '') sendJson(response, 200, { executions: services.executions.list() });
  else if (first === 'executions' && third === 'events') await streamEvents(response, services.executions, second);
  else if (first === 'executions' && third === '')
    sendJson(response, 200, { execution: find(services.executions, second) });
  else throw new AwsError('NotFound', `there is nothing at '${url.pathname}'`, 404);
}

/**
 * All events of an execution so far and from now on, one JSON object a line, until it has ended: `{ kind: 'event', event }`,
 * `{ kind: 'progress', state, progress }` and at last `{ kind: 'end', execution }`.
 */
async function streamEvents(response: ServerResponse, executions: Executions, nameOrArn: string): Promise<void> {
  const { arn } = find(executions, nameOrArn);
  response.writeHead(200, { 'content-type': 'application/jsonl', 'cache-control': 'no-store' });
  const write = (value: object): void => {
    response.write(`${JSON.stringify(value)}\n`);
  };
  // Heard before the past is read, so that no event falls between; what is in both is told once.
  const waiting: (() => void)[] = [];
  let told: number | undefined;
  const stop = executions.listen((news) => {
    if (news.execution.arn !== arn) return;
    const tell = (): void => {
      if (news.kind === 'progress') write({ kind: 'progress', state: news.state, progress: news.progress });
      else if (news.event.id > (told ?? 0)) write({ kind: 'event', event: news.event });
    };
    if (told === undefined) waiting.push(tell);
    else tell();
  });
  const gone = new Promise<void>((resolve) => response.once('close', resolve));
  try {
    const past = await executions.events(arn);
    for (const event of past) write({ kind: 'event', event });
    told = past.at(-1)?.id ?? 0;
    for (const tell of waiting) tell();
    await Promise.race([executions.waitFor(arn), gone]);
    write({ kind: 'end', execution: executions.describe(arn) });
  } finally {
    stop();
    response.end();
  }
}

function find(executions: Executions, nameOrArn: string) {
  const found = executions.list().find(({ name, arn }) => name === nameOrArn || arn === nameOrArn);
  if (found === undefined) throw new AwsError('ExecutionDoesNotExist', `there is no execution '${nameOrArn}'`, 404);
  return found;
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', JSON.stringify(value));
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}

function fail(response: ServerResponse, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  if (response.headersSent) response.end();
  else sendJson(response, error instanceof AwsError ? error.status : 500, { message });
}

async function explain(error: unknown, port: number): Promise<unknown> {
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) return error;
  const health = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(5000) })
    .then((response) => response.json() as Promise<{ holdfast?: unknown; stateDirectory?: unknown; pid?: unknown }>)
    .catch(() => undefined);
  if (health?.holdfast !== true) return new HoldfastError('port-taken', `port '${port}' is taken by another program`);
  return new HoldfastError(
    'port-taken',
    `port '${port}' is taken by another Holdfast stack, process '${String(health.pid)}' on '${String(health.stateDirectory)}'`,
    { hint: 'use that stack, stop it, or choose another port with --port' },
  );
}
