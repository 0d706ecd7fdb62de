import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { canListen, freePort } from '../../lib/servers/free-port.ts';
import { type ClaimedPort, claimedPort } from './claimed-port.ts';

test('a free port is one that the system gives to nobody by itself, and one that something listens on is none', async () => {
  const port = await freePort();
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');

  assert.ok(port < 32_768 - 10_000, String(port));
  assert.equal(await canListen(port), false);

  server.close();
  await once(server, 'close');
  assert.equal(await canListen(port), true);
});

test('no two tests have the same port, until it is released', async () => {
  const claimed: ClaimedPort[] = [];
  for (let count = 0; count < 300; count++) claimed.push(await claimedPort());

  assert.equal(new Set(claimed.map(({ port }) => port)).size, 300);

  for (const { release } of claimed) release();
});
