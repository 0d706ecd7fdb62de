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
  const outcome = await invoke(functionName, {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString: search.slice(1),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    ...(search === '' ? {} : { queryStringParameters: Object.fromEntries(new URLSearchParams(search)) }),
    requestContext: {
      accountId: '000000000000',
      authorizer: { iam: { accessKey: 'local', userArn: caller.roleArn } },
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
  });
  if (outcome.kind === 'error') throw new AwsError('BadGateway', 'the function failed: see its log', 502);
  const result = isJsonObject(outcome.result) ? outcome.result : { body: JSON.stringify(outcome.result) };
  const text = String(result['body'] ?? '');
  const answer = isJsonObject(result['headers']) ? result['headers'] : {};
  response
    .writeHead(Number(result['statusCode'] ?? 200), {
      'content-type': 'application/json',
      ...Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, String(value)])),
    })
    .end(result['isBase64Encoded'] === true ? Buffer.from(text, 'base64') : text);
}
