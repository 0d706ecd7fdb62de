import { randomUUID, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { problemAnswer } from '../../api/problem.ts';
import { HoldfastError } from '../../core/errors.ts';
import { AwsError } from '../aws-error.ts';
import { verifySignature } from '../endpoint/signature.ts';
import type { Identities } from '../identities.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { Invocation } from '../lambda/function-runner.ts';
import { localAccount } from '../resources/resource.ts';

type Invoke = (functionName: string, event: JsonObject) => Promise<Invocation>;

/** A function behind its URL. */
export type UrlFunction = {
  readonly functionName: string;
  readonly identities: Identities;
  readonly invoke: Invoke;
};

/** The function that has a URL, behind a token. */
export type ApiFunction = {
  readonly functionName: string | undefined;
  readonly token: string;
  readonly invoke: Invoke;
};

/** What Lambda lets through. */
const largestBodyBytes = 6 * 1024 * 1024;

/** Calls a function as its URL does: the request must be signed (`AuthType` AWS_IAM); payload format 2.0 both ways. */
export async function callFunctionUrl(
  request: IncomingMessage,
  response: ServerResponse,
  { functionName, identities, invoke }: UrlFunction,
): Promise<void> {
  const body = await readBody(request);
  const { method = 'GET', url = '/', headers } = request;
  const { caller } = verifySignature({ method, url, headers, body }, identities);
  const event = eventOf(request, body, { prefix: /^\/functions\/[^/]+/, userArn: caller.roleArn });
  answer(response, await invoke(functionName, event));
}

/** Calls the API for whoever bears the token of this stack, where AWS would want a signature. */
export async function callApi(
  request: IncomingMessage,
  response: ServerResponse,
  { functionName, token, invoke }: ApiFunction,
): Promise<void> {
  if (functionName === undefined) throw new AwsError('NotFound', 'the templates give no function a URL', 404);
  if (!bears(request, token)) {
    await send(
      response,
      problemAnswer(new HoldfastError('caller-unknown', 'the request bears no token, or not that of this stack'), {
        'www-authenticate': 'Bearer realm="holdfast"',
      }),
    );
    return;
  }
  let body: Buffer;
  try {
    body = await readBody(request);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    await send(response, problemAnswer(new HoldfastError('body-too-large', error.message), { connection: 'close' }));
    return;
  }
  const userArn = `arn:aws:iam::${localAccount}:user/local-token`;
  answer(response, await invoke(functionName, eventOf(request, body, { prefix: /^\/api(?=\/|$)/, userArn })));
}

function bears({ headers: { authorization = '' } }: IncomingMessage, token: string): boolean {
  const [, given = ''] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
  const [left, right] = [Buffer.from(given), Buffer.from(token)];
  return left.length === right.length && timingSafeEqual(left, right);
}

async function send(response: ServerResponse, answer: Response): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
}

/** The body, as far as Lambda would take it; one that is larger is not read to its end. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > largestBodyBytes) throw new AwsError('RequestEntityTooLarge', 'the body is larger than 6 MiB', 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Gets a path of a function behind a URL, as the stack itself: what it shows without a signature, on loopback only. */
export async function getFromFunction(
  { functionName, invoke }: Pick<UrlFunction, 'functionName' | 'invoke'>,
  path: string,
): Promise<string> {
  const userArn = `arn:aws:iam::${localAccount}:user/operator`;
  const request = { method: 'GET', url: path, headers: {} };
  const event = eventOf(request, Buffer.alloc(0), { prefix: /^(?=\/)/, userArn });
  const { status, body } = answerOf(await invoke(functionName, event));
  if (status !== 200)
    throw new AwsError('BadGateway', `the API answered with status ${status}: ${body.toString()}`, 502);
  return body.toString();
}

/** Payload format 2.0. */
function eventOf(
  { method = 'GET', url = '/', headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
  body: Buffer,
  { prefix, userArn }: { readonly prefix: RegExp; readonly userArn: string },
): JsonObject {
  const { pathname, search } = new URL(url, 'http://local');
  const rawPath = pathname.replace(prefix, '') || '/';
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString: search.slice(1),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    ...(search === '' ? {} : { queryStringParameters: Object.fromEntries(new URLSearchParams(search)) }),
    requestContext: {
      accountId: localAccount,
      authorizer: { iam: { accessKey: 'local', userArn } },
      domainName: String(headers.host ?? ''),
      http: {
        method,
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
      timeEpoch: Date.now(),
    },
    ...(body.length === 0 ? {} : { body: body.toString('base64') }),
    isBase64Encoded: body.length > 0,
  };
}

function answer(response: ServerResponse, outcome: Invocation): void {
  const { status, headers, body } = answerOf(outcome);
  response.writeHead(status, headers).end(body);
}

function answerOf(outcome: Invocation): {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
} {
  if (outcome.kind === 'error') throw new AwsError('BadGateway', 'the function failed: see its log', 502);
  const result = isJsonObject(outcome.result) ? outcome.result : { body: JSON.stringify(outcome.result) };
  const given = isJsonObject(result['headers']) ? result['headers'] : {};
  return {
    status: Number(result['statusCode'] ?? 200),
    headers: {
      'content-type': 'application/json',
      ...Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)])),
    },
    body: Buffer.from(String(result['body'] ?? ''), result['isBase64Encoded'] === true ? 'base64' : 'utf8'),
  };
}
