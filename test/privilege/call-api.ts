import { LambdaClient } from '@aws-sdk/client-lambda';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Json } from '../../lib/local/json.ts';
import type { Shown } from './chapters/chapter.ts';
import type { Installation } from './installation.ts';

export type ApiAnswer = Shown & { readonly status: number };

/** Calls the function URL of the API as on AWS: with a signature. What changes something bears the key. */
export async function callApi(
  { opened: { stack } }: Installation,
  {
    method,
    path,
    body,
    key,
  }: { readonly method: string; readonly path: string; readonly body?: Json | undefined; readonly key: string },
): Promise<ApiAnswer> {
  const name = stack.model.functionUrls.find((known) => known.endsWith('-api'));
  const url = new URL(`/functions/${name}${path}`, stack.statusUrl);
  const { sha256 } = new LambdaClient({ region: stack.region }).config;
  const signer = new SignatureV4({
    service: 'lambda',
    region: stack.region,
    credentials: stack.credentials,
    sha256,
  });
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  const { headers } = await signer.sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    port: Number(url.port),
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: { host: url.host, 'content-type': 'application/json', 'idempotency-key': key },
    ...content,
  });
  const { host: _, ...sent } = headers;
  const response = await fetch(url, { method, headers: sent, ...content });
  return { where: `${method} ${path}`, status: response.status, text: await response.text() };
}
