import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AwsError } from '../aws-error.ts';
import { verifySignature } from '../endpoint/signature.ts';
import type { Identities } from '../identities.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { Invocation } from '../lambda/function-runner.ts';

/** A function behind its URL. */
export type UrlFunction = {
  readonly functionName: string;
  readonly identities: Identities;
  readonly invoke: (functionName: string, event: JsonObject) => Promise<Invocation>;
};

/** Calls a function as its URL does: the request must be signed (`AuthType` AWS_IAM); payload format 2.0 both ways. */
export async function callFunctionUrl(
  request: IncomingMessage,
  response: ServerResponse,
  { functionName, identities, invoke }: UrlFunction,
): Promise<void> {
  const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
  const { method = 'GET', url = '/', headers } = request;
  const { caller } = verifySignature({ method, url, headers, body }, identities);
  const { pathname, search } = new URL(url, 'http://local');
  const rawPath = pathname.replace(/^\/functions\/[^/]+/, '') || '/';
  const answer = answerOf(
    await invoke(
      functionName,
      urlEvent({
        method,
        rawPath,
        search,
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
        body,
        callerArn: caller.roleArn,
      }),
    ),
  );
  response.writeHead(answer.status, answer.headers).end(answer.body);
}

/** Gets a path of a function behind a URL, as the stack itself: what it shows without a signature, on loopback only. */
export async function getFromFunction(
  { functionName, invoke }: Pick<UrlFunction, 'functionName' | 'invoke'>,
  rawPath: string,
): Promise<string> {
  const callerArn = 'arn:aws:iam::000000000000:user/operator';
  const event = urlEvent({ method: 'GET', rawPath, search: '', headers: {}, body: Buffer.alloc(0), callerArn });
  const { status, body } = answerOf(await invoke(functionName, event));
  if (status !== 200)
    throw new AwsError('BadGateway', `the API answered with status ${status}: ${body.toString()}`, 502);
  return body.toString();
}

/** Payload format 2.0. */
function urlEvent(request: {
  readonly method: string;
  readonly rawPath: string;
  readonly search: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly callerArn: string;
}): JsonObject {
  const { method, rawPath, search, headers, body, callerArn } = request;
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString: search.slice(1),
    headers,
    ...(search === '' ? {} : { queryStringParameters: Object.fromEntries(new URLSearchParams(search)) }),
    requestContext: {
      accountId: '000000000000',
      authorizer: { iam: { accessKey: 'local', userArn: callerArn } },
      domainName: headers['host'] ?? 'localhost',
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
