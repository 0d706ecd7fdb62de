import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connectCatalog } from '../../lib/catalog/connect.ts';
import { migrateCatalog } from '../../lib/catalog/migrate.ts';
import { catalogSettings } from '../../lib/catalog/settings.ts';
import { postgresServer } from '../servers/postgres.ts';
import { localhostCertificate, speakTls } from '../servers/speak-tls.ts';
import { newDatabase, settingsFor } from './catalog-database.ts';

test('each way of not getting in has its own code', async () => {
  await using server = await postgresServer({ major: 17 });
  const settings = settingsFor(server, await newDatabase(server));

  await assert.rejects(connectCatalog(settings), { code: 'catalog-unavailable', message: /has not been migrated$/ });
  await assert.rejects(connectCatalog({ ...settings, auth: { kind: 'password', password: 'wrong' } }), {
    code: 'auth-failed',
  });
  await assert.rejects(connectCatalog({ ...settings, database: 'nowhere' }), { code: 'database-missing' });
  await assert.rejects(connectCatalog({ ...settings, host: '/nowhere', tries: 1 }), { code: 'catalog-unavailable' });
  // The test's server speaks no TLS: what would be sent in the clear is not sent.
  await assert.rejects(connectCatalog({ ...settings, tls: 'verify-full', tries: 1 }), {
    code: 'config-invalid',
    message: /does not support SSL/,
  });
});

test('a user who may not work as the writer is told what is missing', async () => {
  await using server = await postgresServer({ major: 17 });
  const settings = settingsFor(server, await newDatabase(server));
  {
    await using owner = await connectCatalog({ ...settings, role: 'owner' });
    await migrateCatalog(owner.client);
    await owner.client.query("create role stranger login password 'stranger'");
  }
  const stranger = { ...settings, user: 'stranger', auth: { kind: 'password', password: 'stranger' } as const };

  await assert.rejects(connectCatalog(stranger), {
    code: 'privilege-missing',
    message: /permission denied to set role "holdfast_writer"$/,
  });
});

test('a server that comes back between two tries is reached', async () => {
  await using server = await postgresServer({ major: 17 });
  const settings = settingsFor(server, await newDatabase(server));
  await server.stop();

  const connecting = connectCatalog({ ...settings, role: 'owner', tries: 6 });
  await server.start();
  await using connection = await connecting;

  assert.equal((await connection.client.query('select 1 as one')).rows[0].one, 1);
});

test('a server that accepts and says nothing is given up in time', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;

  await assert.rejects(
    connectCatalog({
      host: '127.0.0.1',
      port,
      database: 'holdfast',
      user: 'holdfast',
      auth: { kind: 'password', password: 'secret' },
      tls: 'disable',
      connectTimeoutSeconds: 0.2,
      tries: 1,
    }),
    { code: 'catalog-unavailable', message: /cannot be reached: timeout expired$/ },
  );

  for (const socket of sockets) socket.destroy();
  silent.close();
});

test('over a socket nobody needs a password, and no IAM token is asked for', async () => {
  await using server = await postgresServer({ major: 17 });
  const database = await newDatabase(server);
  const settings = await catalogSettings(
    {
      HOLDFAST_CATALOG_HOST: server.dataDir.replace(/\/data$/, ''),
      HOLDFAST_CATALOG_PORT: String(server.port),
      HOLDFAST_CATALOG_DATABASE: database,
      HOLDFAST_CATALOG_USER: server.user,
      HOLDFAST_CATALOG_AUTH: 'iam',
      AWS_REGION: 'eu-central-1',
    },
    { password: () => assert.fail('no password is referred to') },
  );

  // The test's server wants a password on its socket too: that it asks shows that the socket was reached with neither token nor TLS.
  await assert.rejects(connectCatalog({ ...settings, role: 'owner' }), {
    code: 'auth-failed',
    message: /asks for a password, and none is configured$/,
  });
});

test('verify-full takes the right name with a trusted certificate, and nothing less', async () => {
  await using server = await postgresServer({ major: 17 });
  const settings = { ...settingsFor(server, await newDatabase(server)), role: 'owner', tries: 1 } as const;
  await speakTls(server);
  const verified = {
    ...settings,
    host: 'localhost',
    tls: 'verify-full',
    certificateAuthorities: [localhostCertificate],
  } as const;

  {
    await using connection = await connectCatalog(verified);
    const { rows } = await connection.client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    assert.deepEqual(rows, [{ ssl: true }]);
  }
  await using encrypted = await connectCatalog({ ...settings, tls: 'require' });
  assert.ok(encrypted);
  await assert.rejects(connectCatalog({ ...verified, host: '127.0.0.1' }), {
    code: 'config-invalid',
    message: /cannot be trusted: .*IP: 127\.0\.0\.1 is not in the cert's list/,
  });
  await assert.rejects(connectCatalog({ ...settings, host: 'localhost', tls: 'verify-full' }), {
    code: 'config-invalid',
    message: /cannot be trusted: self-signed certificate/,
  });
});

test('the environment must say where the catalog is', async () => {
  await assert.rejects(
    catalogSettings({ HOLDFAST_CATALOG_HOST: 'db.internal' }, { password: () => Promise.resolve(undefined) }),
    { code: 'config-invalid', message: /HOLDFAST_CATALOG_DATABASE/ },
  );
});

test('a referenced password is asked for, with the TLS mode of the configuration', async () => {
  const settings = await catalogSettings(
    {
      HOLDFAST_CATALOG_HOST: 'db.internal',
      HOLDFAST_CATALOG_DATABASE: 'holdfast',
      HOLDFAST_CATALOG_USER: 'holdfast',
      HOLDFAST_CATALOG_AUTH: 'reference',
    },
    { password: () => Promise.resolve('secret'), tls: 'require' },
  );

  assert.deepEqual(settings, {
    host: 'db.internal',
    port: 5432,
    database: 'holdfast',
    user: 'holdfast',
    auth: { kind: 'password', password: 'secret' },
    tls: 'require',
  });
});
