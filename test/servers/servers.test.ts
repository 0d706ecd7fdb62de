import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { GetBucketVersioningCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Client } from 'pg';
import { testedServers } from '../../scripts/servers/redis.ts';
import { neo4jServer } from './neo4j.ts';
import { postgresServer } from './postgres.ts';
import { redisServer } from './redis.ts';
import { minioServer, type S3Server, versitygwServer } from './s3.ts';

for (const which of testedServers) {
  test(`${which} keeps keys over a restart, and is gone when disposed`, async () => {
    const server = await redisServer(which);
    await server.ask('SET', 'key', 'value');
    await server.ask('SAVE');

    await server.stop();
    await server.start();
    const kept = await server.ask('GET', 'key');
    await server[Symbol.asyncDispose]();

    assert.equal(String(kept), 'value');
    assert.equal(existsSync(server.folder), false);
    await assert.rejects(server.ask('PING'), { code: 'source-unreachable' });
  });
}

for (const major of [15, 17, 18] as const) {
  test(`a PostgreSQL ${major} server keeps committed rows over a restart and is gone when disposed`, async () => {
    const server = await postgresServer({ major, settings: { application_name: "it's" } });
    const ask = async (sql: string) => {
      const client = new Client({ connectionString: server.url('postgres') });
      await client.connect();
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end();
      }
    };
    await ask('create table kept as select 42 as answer');

    await server.restart();
    const rows = await ask('select answer from kept');
    const [version] = await ask('show server_version_num');
    await server.kill();
    await server.start();
    const afterCrash = await ask('show wal_level');
    await server[Symbol.asyncDispose]();

    assert.deepEqual(rows, [{ answer: 42 }]);
    assert.equal(Math.trunc(Number(version.server_version_num) / 10_000), major);
    assert.deepEqual(afterCrash, [{ wal_level: 'replica' }]);
    assert.equal(existsSync(server.dataDir), false);
  });
}

test('a Neo4j server keeps what was committed over a restart and a crash, and is gone when disposed', async () => {
  const server = await neo4jServer();
  await server.run('CREATE (:Kept {answer: 42})');

  await server.stop();
  await server.start();
  const rows = await server.run('MATCH (n:Kept) RETURN n.answer');
  await server.kill();
  await server.start();
  const afterCrash = await server.run('MATCH (n:Kept) RETURN n.answer');
  await server[Symbol.asyncDispose]();

  assert.deepEqual(rows, [[42n]]);
  assert.deepEqual(afterCrash, [[42n]]);
  assert.equal(existsSync(server.home), false);
});

const s3Servers: Record<string, () => Promise<S3Server>> = { MinIO: minioServer, versitygw: versitygwServer };
for (const [name, start] of Object.entries(s3Servers)) {
  test(`a ${name} server keeps objects over a crash`, async () => {
    await using server = await start();
    const client = new S3Client({
      endpoint: server.endpoint,
      region: server.region,
      forcePathStyle: true,
      credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey },
    });
    const Bucket = await server.newBucket({ objectLock: true });
    const plain = await server.newBucket();
    await client.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'b' }));

    await server.kill();
    await server.start();
    const versioning = await client.send(new GetBucketVersioningCommand({ Bucket }));
    const none = await client.send(new GetBucketVersioningCommand({ Bucket: plain }));

    assert.equal(versioning.Status, 'Enabled');
    assert.equal(none.Status, undefined);
    client.destroy();
  });
}

test('a server and its folder do not outlive a test process that was killed', async () => {
  const program = `
    const { postgresServer } = await import('${path.resolve(import.meta.dirname, 'postgres.ts')}');
    const server = await postgresServer({ major: 17 });
    console.log(server.dataDir);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [dataDir] = await once(createInterface({ input: child.stdout }), 'line');
  assert.equal(existsSync(dataDir), true);

  child.kill('SIGKILL');
  const deadline = Date.now() + 60_000;
  while (existsSync(dataDir) && Date.now() < deadline) await delay(20);

  assert.equal(existsSync(dataDir), false);
});
