import { once } from 'node:events';
import {
  createServer,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { HoldfastConfig } from '../../config/config.ts';
import { AwsError } from '../aws-error.ts';
import type { CallLog } from '../call-log.ts';
import { closeServer } from '../endpoint/endpoint.ts';
import { verifySignature } from '../endpoint/signature.ts';
import type { Caller, Identities } from '../identities.ts';
import { absenceCall, s3Calls } from './s3-calls.ts';
import { type Signed, type SignRequest, upstreamSigner } from './upstream.ts';

export type S3GatewayOptions = {
  readonly store: Extract<HoldfastConfig['store'], { kind: 's3' }>;
  readonly region: string;
  readonly identities: Identities;
  readonly calls: CallLog;
};

export type S3Gateway = { readonly url: string; readonly close: () => Promise<void> };

/**
 * The store's S3 server as the programs of the stack see it: an HTTP server on loopback that knows them by the credentials that the stack
 * gave them, records what they ask for, and hands it on under this machine's own credentials, which so stay in this process. Bodies pass
 * as they come, in both directions. An answer that cannot be had is S3's own `ServiceUnavailable`, which clients try again.
 */
export async function openS3Gateway(options: S3GatewayOptions): Promise<S3Gateway> {
  const sign = await upstreamSigner(options.store, options.region);
  const agents = { 'http:': new HttpAgent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true }) };
  const server = createServer((request, response) => {
    void serve(request, response, { ...options, sign, agents }).catch((error: unknown) => refuse(response, error));
  });
  // Uploads of large parts over slow lines take longer than the five minutes that Node allows a request.
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      await closeServer(server);
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

type Serving = S3GatewayOptions & {
  readonly sign: SignRequest;
  readonly agents: { readonly 'http:': HttpAgent; readonly 'https:': HttpsAgent };
};

async function serve(request: IncomingMessage, response: ServerResponse, serving: Serving): Promise<void> {
  const { method = 'GET', url = '/', headers } = request;
  const { caller } = verifySignature({ method, url, headers, body: undefined }, serving.identities);
  if (String(headers['x-amz-content-sha256']).startsWith('STREAMING-AWS4'))
    throw new AwsError('NotImplemented', 'bodies whose chunks are signed cannot be signed anew', 501);
  const body = url.includes('?delete') && method === 'POST' ? await textOf(request) : undefined;
  const asked = s3Calls({ method, url, headers, ...(body === undefined ? {} : { body }) });
  const signed = await serving.sign({ method, url, headers: passedOn(headers) });
  await forward({ request, response, body, asked, signed, caller, serving });
}

async function forward(exchange: {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: string | undefined;
  readonly asked: ReturnType<typeof s3Calls>;
  readonly signed: Signed;
  readonly caller: Caller;
  readonly serving: Serving;
}): Promise<void> {
  const { request, response, body, asked, signed, caller, serving } = exchange;
  const protocol = signed.url.protocol === 'https:' ? 'https:' : 'http:';
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  const upstream = send(signed.url, {
    method: request.method,
    headers: signed.headers,
    agent: serving.agents[protocol],
  });
  // The client's own time-outs decide; when it hangs up, so does this.
  response.on('close', () => upstream.destroy());
  const answered = once(upstream, 'response') as Promise<[IncomingMessage]>;
  // A server that refuses early closes before it has read everything: its answer is what counts, and not that writing failed.
  const written = body === undefined ? pipeline(request, upstream) : Promise.resolve(upstream.end(body));
  written.catch(() => undefined);
  // Not before: who reads of a call may count on what it has made.
  const [answer] = await answered.finally(() => {
    for (const { action, resource, context } of asked) serving.calls.add(caller, action, resource, context);
  });
  const isAbsent = answer.statusCode === 404 && (request.method === 'GET' || request.method === 'HEAD');
  if (isAbsent) {
    const { action, resource, context } = absenceCall(request.url ?? '/');
    serving.calls.add(caller, action, resource, context);
  }
  response.writeHead(answer.statusCode ?? 502, passedOn(answer.headers));
  await pipeline(answer, response);
}

/** Headers of the connection, which is another one on the other side, and those of the signature that is made anew. */
const ownHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'expect',
  'host',
  'keep-alive',
  'transfer-encoding',
  'x-amz-date',
  'x-amz-security-token',
]);

function passedOn(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || ownHeaders.has(name) ? [] : [[name, [value].flat().join(', ')]],
    ),
  );
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks = await Array.fromAsync(request as AsyncIterable<Buffer>);
  return Buffer.concat(chunks).toString();
}

function refuse(response: ServerResponse, error: unknown): void {
  // Half an answer cannot be taken back; the client sees that it is cut off.
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const isOurs = error instanceof AwsError;
  const message = error instanceof Error ? error.message : String(error);
  const code = isOurs ? (s3Names[error.name] ?? error.name) : 'ServiceUnavailable';
  response.writeHead(isOurs ? error.status : 503, { 'content-type': 'application/xml', connection: 'close' });
  response.end(`<Error><Code>${code}</Code><Message>${message.replaceAll(/[<>&]/g, ' ')}</Message></Error>`);
}

/** What S3 calls the errors of signatures. */
const s3Names: Readonly<Record<string, string>> = {
  MissingAuthenticationToken: 'AccessDenied',
  UnrecognizedClientException: 'InvalidAccessKeyId',
  InvalidSignatureException: 'SignatureDoesNotMatch',
};
