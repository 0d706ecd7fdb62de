import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { joinHint } from '../../lib/core/failure.ts';
import { invokeFunction } from '../../lib/lifecycle/invoke-function.ts';

/** Invokes a function that ends with this error, as Lambda tells of it. */
async function invoke(error: { readonly errorType: string; readonly errorMessage: string }): Promise<unknown> {
  await using server = createServer((_, response) => {
    response.setHeader('x-amz-function-error', 'Unhandled').end(JSON.stringify(error));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const lambda = new LambdaClient({
    region: 'eu-central-1',
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
  try {
    return await invokeFunction(lambda, 'hold', {});
  } finally {
    lambda.destroy();
  }
}

test('the failure of a function comes with its own hint, and apart from its message', async () => {
  const thrown = { message: "backup 'in — out' is held", hint: 'release it first' };

  await assert.rejects(invoke({ errorType: 'usage', errorMessage: joinHint(thrown) }), { code: 'usage', ...thrown });
  await assert.rejects(invoke({ errorType: 'TypeError', errorMessage: 'no' }), {
    code: 'function-unavailable',
    message: "function 'hold' ended: TypeError: no",
  });
});
