import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { postgresEngine } from '../../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresServer, postgresServer } from '../../servers/postgres.ts';
import { localhostCertificate, speakTls } from '../../servers/speak-tls.ts';
import { capture, planned } from '../saved-streams.ts';
import { contextFor, run, session, testTools } from './run-engine.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
  await speakTls(server);
  await run(server, 'postgres', 'create database shop');
  await run(server, 'shop', 'create table item as select n as id from generate_series(1, 1000) n');
  // From now on whoever does not encrypt is not let in, be it one of our sessions or one of PostgreSQL's tools.
  await run(
    server,
    'postgres',
    `create table rules (line text); insert into rules values ('hostssl all all 127.0.0.1/32 scram-sha-256'), ('hostssl all all ::1/128 scram-sha-256');
     copy rules to program 'cat > ${server.dataDir}/pg_hba.conf'; drop table rules; select pg_reload_conf()`,
  );
});
after(() => server?.[Symbol.asyncDispose]());

const engine = postgresEngine({ findTools: testTools });
const over = (host: string, sslmode: string, sslrootcert?: string) =>
  contextFor(server, { connection: { host, sslmode, databases: ['shop'], ...(sslrootcert && { sslrootcert }) } });

test('verify-full backs up, restores and compares where certificate and name are right', async () => {
  using context = over('localhost', 'verify-full', localhostCertificate);

  const saved = await capture(engine, context);
  const { restored } = await engine.restore(context, {
    streams: [planned(saved.get('shop'), 'shop_again')],
    replace: false,
    source: {},
  });

  assert.deepEqual(
    [...saved.values()].map(({ record }) => [record.kind, record.status]),
    [
      ['globals', 'complete'],
      ['database', 'complete'],
    ],
  );
  assert.equal(restored[0]?.comparison.same, true);
  assert.equal(restored[0]?.comparison.itemsCompared, 1000);
});

test('verify-full refuses a name that is not in the certificate, and verify-ca takes it', async () => {
  using wrongName = over('127.0.0.1', 'verify-full', localhostCertificate);
  using anyName = over('127.0.0.1', 'verify-ca', localhostCertificate);

  await assert.rejects(engine.probe(wrongName), {
    code: 'auth-failed',
    message: /the server's certificate is not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\)$/,
  });
  const saved = await capture(engine, anyName);
  assert.equal(saved.get('shop')?.record.status, 'complete');
});

test('a certificate that nobody vouches for is refused by verify-full, and taken by require', async () => {
  using unknown = over('localhost', 'verify-full');
  using unverified = over('localhost', 'require');

  await assert.rejects(engine.probe(unknown), {
    code: 'auth-failed',
    message: /the server's certificate is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/,
    hint: /sslrootcert/,
  });
  const saved = await capture(engine, unverified);
  assert.equal(saved.get('shop')?.record.status, 'complete');
});

test('who does not encrypt is not let in, and is told so', async () => {
  using plain = over('127.0.0.1', 'disable');

  await assert.rejects(engine.probe(plain), { code: 'auth-failed', message: /no encryption/ });
  await assert.rejects(session(server, 'postgres'), /no encryption/);
});
