import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { LocalStack } from '../../../lib/local/local-stack.ts';
import { openStatusServer } from '../../../lib/local/status/status-server.ts';
import { openToyStack, type ToyFolder, toyFolder } from '../toy-stack.ts';

let folder: ToyFolder;
let stack: LocalStack;

before(async () => {
  folder = toyFolder();
  ({ stack } = await openToyStack(folder));
});
after(async () => {
  await stack?.close();
  folder?.[Symbol.dispose]();
});

test('an execution can be watched while it happens: each event once, progress, and the end', async () => {
  const { name } = stack.startExecution('toy-machine', { name: 'Ada', fail: '', command: ['work'], run: {} });

  const response = await fetch(`${stack.statusUrl}/executions/${name}/events`);
  const lines = (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

  assert.equal(response.headers.get('content-type'), 'application/jsonl');
  assert.deepEqual(
    lines.filter(({ kind }) => kind === 'event').map(({ event }) => event.id),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.deepEqual(
    lines.filter(({ kind }) => kind === 'progress').map(({ state, progress }) => [state, progress.bytes]),
    [['Work in a task', 42]],
  );
  assert.equal(lines.at(-1).kind, 'end');
  assert.equal(lines.at(-1).execution.status, 'SUCCEEDED');
});

test('health says what runs, and an unknown path is not found', async () => {
  const health = (await (await fetch(`${stack.statusUrl}/health`)).json()) as Record<string, unknown>;
  const missing = await fetch(`${stack.statusUrl}/executions/none`);
  const written = await fetch(`${stack.statusUrl}/`, { method: 'POST' });

  assert.equal(health['holdfast'], true);
  assert.equal(health['status'], 'ok');
  assert.equal(health['stateDirectory'], folder.state);
  assert.deepEqual(health['queues'], { 'toy-dead-letters': 0 });
  assert.equal(missing.status, 404);
  assert.equal(written.status, 405);
});

test('a port that another program has is its own error', async () => {
  const other = createServer((_, response) => response.end('not ours')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  try {
    await assert.rejects(openStatusServer(port), {
      name: 'port-taken',
      message: `port '${port}' is taken by another program`,
    });
  } finally {
    other.close();
  }
});

test('a function URL is called only with a signature', async () => {
  const response = await fetch(`${stack.statusUrl}/functions/toy-greet/`);

  assert.equal(response.status, 403);
});
