import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { postgresEngine } from '../../../../lib/engines/postgres/postgres-engine.ts';
import { judgeSettings } from '../../../../lib/engines/postgres/settings/judge-settings.ts';
import { productionSettings } from '../../../../lib/engines/postgres/settings/production-settings.ts';
import { postgresServer } from '../../../servers/postgres.ts';
import { contextFor, run, testTools } from '../run-engine.ts';

const engine = postgresEngine({ findTools: testTools });
const host = { memoryMiB: 512 };

test('each setting of a live server is judged with its value, the wanted one, the reason and the fix', async () => {
  await using server = await postgresServer({ major: 17 });
  await run(server, 'postgres', "alter system set log_statement = 'ddl'");
  await run(server, 'postgres', 'select pg_reload_conf()');
  using context = contextFor(server);

  const report = await engine.checkSettings?.(context, host);

  const judged = Object.fromEntries((report?.settings ?? []).map((setting) => [setting.name, setting]));
  assert.equal(report?.isManaged, false);
  assert.deepEqual(judged['shared_buffers'], {
    name: 'shared_buffers',
    group: 'memory',
    verdict: 'differs',
    current: '32MB',
    wanted: 'about 128MB',
    why: 'a quarter of the memory',
    risk: 'pages come from the disk again and again, or the memory runs out',
    fix: "alter system set shared_buffers = '128MB'",
    needsRestart: true,
  });
  assert.deepEqual(
    ['log_statement', 'wal_level', 'fsync', 'max_connections', 'tcp_keepalives_idle', 'archive_timeout'].map((name) => [
      name,
      judged[name]?.verdict,
      judged[name]?.current,
    ]),
    [
      ['log_statement', 'ok', 'ddl'],
      ['wal_level', 'ok', 'replica'],
      ['fsync', 'differs', 'off'],
      ['max_connections', 'differs', '50'],
      ['tcp_keepalives_idle', 'differs', '2h'],
      ['archive_timeout', 'differs', '0'],
    ],
  );
});

for (const major of [15, 18] as const) {
  test(`PostgreSQL ${major} starts with the fragment included, and then has nothing to be mended`, async () => {
    await using server = await postgresServer({ major });
    using context = contextFor(server);
    const before = await engine.checkSettings?.(context, host);
    writeFileSync(path.join(server.dataDir, 'holdfast.conf'), before?.fragment ?? '', { mode: 0o644 });
    // The test server's own settings come last, and would win.
    writeFileSync(path.join(server.dataDir, 'postgresql.auto.conf'), '');
    const own = `listen_addresses = '127.0.0.1'\nport = ${server.port}\nunix_socket_directories = ''\n`;
    const archive = "archive_command = 'true'\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n";
    appendFileSync(
      path.join(server.dataDir, 'postgresql.conf'),
      `${own}${archive}include_if_exists = 'holdfast.conf'\n`,
    );
    await makeCertificate(server.dataDir);

    await server.restart();

    const after = await engine.checkSettings?.(context, host);
    assert.deepEqual(
      after?.settings.filter(({ verdict }) => verdict !== 'ok').map(({ name, current }) => [name, current]),
      [],
    );
  });
}

async function makeCertificate(folder: string): Promise<void> {
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes'];
  const files = ['-keyout', path.join(folder, 'server.key'), '-out', path.join(folder, 'server.crt')];
  await promisify(execFile)('openssl', ['req', '-new', '-x509', '-newkey', 'rsa:2048', ...subject, ...files]);
  await promisify(execFile)('chown', ['--reference', folder, path.join(folder, 'server.key')]);
  await promisify(execFile)('chmod', ['600', path.join(folder, 'server.key')]);
}

test('an archive that is on wants something to archive with, and says what becomes of the disk', async () => {
  await using server = await postgresServer({ major: 17, settings: { archive_mode: 'on' } });
  using context = contextFor(server);
  const archiveCommand = async () =>
    (await engine.checkSettings?.(context, host))?.settings.find(({ name }) => name === 'archive_command');

  const { verdict, wanted, fix, needsRestart, risk } = (await archiveCommand()) ?? {};

  assert.deepEqual(
    { verdict, wanted, fix, needsRestart },
    {
      verdict: 'differs',
      wanted: 'some, as /bin/true',
      fix: "alter system set archive_command = '/bin/true'",
      needsRestart: false,
    },
  );
  assert.match(risk ?? '', /fills the disk/);
  await run(server, 'postgres', "alter system set archive_library = 'basic_archive'");
  await run(server, 'postgres', 'select pg_reload_conf()');
  assert.equal((await archiveCommand())?.verdict, 'ok');
  // Included at the end, it must not displace a command that works.
  assert.match((await engine.checkSettings?.(context, host))?.fragment ?? '', /^#archive_command = /m);
});

test('what a managed server sees to by itself is left out, and the rest is a parameter of its group', () => {
  const settings = [{ name: 'max_connections', setting: '100', unit: null, context: 'postmaster' }];

  const judged = judgeSettings(productionSettings(), { major: 17, isManaged: true, settings });

  assert.ok(!judged.some(({ name }) => name === 'fsync'));
  assert.equal(
    judged.find(({ name }) => name === 'max_connections')?.fix,
    "set parameter max_connections to 200 in the instance's parameter group",
  );
  assert.equal(judged.find(({ name }) => name === 'log_statement')?.verdict, 'hidden');
});

test('memory is shared out by the size of the host and the number of connections', () => {
  const values = Object.fromEntries(
    productionSettings({ memoryMiB: 16_384 }).flatMap(({ name, value, rds }) => [[name, [value, rds]]]),
  );

  assert.deepEqual(values['shared_buffers'], ['4096MB', '524288']);
  assert.deepEqual(values['effective_cache_size'], ['12288MB', '1572864']);
  assert.deepEqual(values['work_mem'], ['20MB', '20480']);
  assert.deepEqual(values['maintenance_work_mem'], ['1024MB', '1048576']);
  assert.deepEqual(values['max_connections'], ['200', undefined]);
});
