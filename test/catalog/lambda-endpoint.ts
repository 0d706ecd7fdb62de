import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { LambdaClient } from '@aws-sdk/client-lambda';

/**
 * The one operation of the Lambda service that the catalog's client uses, for a function in this process: its answer, or its error in
 * the form in which Lambda reports one.
 */
export async function lambdaEndpoint(
  invoke: (event: unknown) => Promise<unknown>,
): Promise<AsyncDisposable & { readonly lambda: LambdaClient }> {
  const server = createServer(async (request, response) => {
    const event: unknown = JSON.parse(await text(request));
    try {
      response.end(JSON.stringify(await invoke(event)));
    } catch (error) {
      const { name, message } = error as Error;
      response.setHeader('X-Amz-Function-Error', 'Unhandled');
      response.end(JSON.stringify({ errorType: name, errorMessage: message, trace: [] }));
    }
  });
  // A connection that is closed because it was idle may be closed while a request is on its way.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const lambda = new LambdaClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'local',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  return {
    lambda,
    async [Symbol.asyncDispose]() {
      lambda.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
