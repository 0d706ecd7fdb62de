import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { connectionSchema } from '../../../../lib/engines/redis/connection.ts';
import { openSession } from '../../../../lib/engines/redis/protocol/session.ts';
import { HalfSwapped, swapDatabases } from '../../../../lib/engines/redis/restore/swap-databases.ts';

/** How two swaps end on a server that answers so to EXEC: the rights of a user may be taken between a command and its turn. */
async function swapAnswered(answer: string): Promise<unknown> {
  // The name of the client, MULTI, two swaps.
  const answers = ['+OK\r\n', '+OK\r\n', '+QUEUED\r\n', '+QUEUED\r\n', answer];
  await using server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write(answers.shift() ?? ''));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await using session = await openSession(connectionSchema.parse({ host: '127.0.0.1', port, sslmode: 'disable' }));
  return await swapDatabases(session, [
    [15, 0],
    [14, 1],
  ]).catch((error: unknown) => error);
}

test('each swap is looked at: where some were refused, nothing may be emptied', async () => {
  assert.equal(await swapAnswered('*2\r\n+OK\r\n+OK\r\n'), undefined);

  const half = await swapAnswered('*2\r\n+OK\r\n-NOPERM no\r\n');
  assert.ok(half instanceof HalfSwapped);
  assert.equal(half.message, 'some of the databases were not swapped (15 with 0, 14 with 1): NOPERM no');

  const none = await swapAnswered('*2\r\n-NOPERM no\r\n-NOPERM no\r\n');
  assert.ok(none instanceof Error && !(none instanceof HalfSwapped));
});
