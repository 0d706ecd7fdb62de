import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { connectionSchema } from '../../../lib/engines/redis/connection.ts';
import { openSession } from '../../../lib/engines/redis/protocol/session.ts';
import { readServer } from '../../../lib/engines/redis/server.ts';

/** As Redis 8 with its query engine answers, whose modules no test server has. */
const info = [
  '# Server',
  'redis_version:8.2.1',
  'run_id:0123',
  '# Modules',
  'module:name=vectorset,ver=1,api=1,filters=0,usedby=[],using=[],options=[]',
  'module:name=search,ver=80201,api=1,filters=0,usedby=[],using=[ReJSON],options=[]',
  'module:name=ReJSON,ver=80201,api=1,filters=0,usedby=[search],using=[],options=[]',
  'module:name=lua,ver=1,api=1,filters=0,usedby=[],using=[],options=[]',
  '# Keyspace',
  'db0:keys=3,expires=1,avg_ttl=0',
  'db12:keys=1,expires=0,avg_ttl=0',
  '',
].join('\r\n');

test('a server that has several modules is known to have all of them', async () => {
  await using server = createServer((socket) => {
    let asked = 0;
    socket.on('error', () => {});
    socket.on('data', () => {
      asked += 1;
      socket.write(asked === 1 ? '+OK\r\n' : `$${info.length}\r\n${info}\r\n`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await using session = await openSession(connectionSchema.parse({ host: '127.0.0.1', port, sslmode: 'disable' }));

  const { product, version, modules, keys } = await readServer(session);

  assert.deepEqual(
    { product, version, modules, keys: [...keys] },
    {
      product: 'Redis',
      version: '8.2.1',
      modules: ['vectorset', 'search', 'ReJSON', 'lua'],
      keys: [
        [0, 3],
        [12, 1],
      ],
    },
  );
});
