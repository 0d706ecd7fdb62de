import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { apiClient, endedRun as ended } from './api-client.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { type OpenStack, objectsUnder, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

let server: SourceServer;
let folder: StackFolder;
let opened: OpenStack;
let token: string;
let base: string;

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 16 } });
  folder = await stackFolder({ server });
  opened = await openStack(folder);
  token = readFileSync(join(folder.stateDirectory, 'api-token'), 'utf8').trim();
  base = `${opened.stack.statusUrl}/api`;
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

const generatedClient = () => apiClient(opened);
const key = (text: string) => ({ 'Idempotency-Key': text });

test('a generated client takes a backup, follows it, validates and restores it, and finds all of it again', async () => {
  const client = await generatedClient();

  const started = await client.call('createBackup', key('first'), { target: 'orders', tier: 'weekly' });
  const run = await ended(client, 'backup', started.data['name']);
  const backupId = run['operation'];
  const detail = await client.call('getBackup', { backupId });
  const validated = await client.call('validateBackup', { backupId });
  const list = await client.call('listBackups', { target: 'orders', status: 'COMPLETED', tier: 'weekly' });
  const restoring = await client.call('createRestore', key('second'), {
    backup: backupId,
    databases: ['orders'],
    as: 'orders_api',
  });
  const restoreRun = await ended(client, 'restore', restoring.data['name']);
  const restore = await client.call('getRestore', { recoveryId: restoreRun['operation'] });
  const targets = await client.call('listTargets');

  assert.equal(started.status, 202);
  assert.equal(started.headers['location'], `runs/backup/${started.data['name']}`);
  assert.equal(run['status'], 'SUCCEEDED', JSON.stringify(run));
  const manifest = detail.data['manifest'] as Record<string, unknown>;
  assert.equal(manifest['backupId'], backupId);
  assert.equal(manifest['tier'], 'weekly');
  assert.deepEqual(manifest['requestedBy'], { kind: 'api', name: 'arn:aws:iam::000000000000:user/local-token' });
  assert.deepEqual(
    (detail.data['stages'] as { status: string }[]).map(({ status }) => status),
    ['REQUESTED', 'RUNNING', 'COMPLETED'],
  );
  assert.equal(validated.status, 200);
  assert.equal(validated.data['depth'], 'full');
  assert.deepEqual(
    (list.data['backups'] as { backupId: string }[]).map((backup) => backup.backupId),
    [backupId],
  );
  assert.equal(restoreRun['status'], 'SUCCEEDED', JSON.stringify(restoreRun));
  assert.equal(restore.data['backupId'], backupId);
  assert.equal(restore.data['isCompared'], true);
  const orders = (targets.data['targets'] as { name: string; lastBackup: { backupId: string } }[]).find(
    ({ name }) => name === 'orders',
  );
  assert.equal(orders?.lastBackup.backupId, backupId);
});

test('the same Idempotency-Key gives the same run, however often and at once; another request under it is refused', async () => {
  const client = await generatedClient();
  const wish = { target: 'orders' };

  const answers = await Promise.all(Array.from({ length: 8 }, () => client.call('createBackup', key('burst'), wish)));
  const name = answers[0]?.data['name'];
  const run = await ended(client, 'backup', name);
  const later = await client.call('createBackup', key('burst'), wish);
  const other = await client.call('createBackup', key('burst'), { target: 'orders', tier: 'monthly' });
  const without = await fetch(`${base}/backups`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(wish),
  });

  assert.deepEqual([...new Set(answers.map(({ status, data }) => `${status} ${data['name']}`))], [`202 ${name}`]);
  assert.equal(later.status, 202);
  assert.equal(later.data['operation'], run['operation']);
  assert.equal(opened.stack.executions.list().filter((execution) => execution.name === name).length, 1);
  assert.equal(other.status, 422);
  assert.equal(other.data['code'], 'idempotency-key-reused');
  const { problems } = (await without.json()) as { problems: { path: string; message: string }[] };
  assert.deepEqual(
    problems.map(({ path, message }) => `${path} ${message.slice(0, 10)}`),
    ['idempotency-key is missing'],
  );
});

test('lists are handed out in pages that neither repeat nor leave out anything', async () => {
  const client = await generatedClient();
  const { data: whole } = await client.call('listBackups', { limit: 200 });
  const all = (whole['backups'] as { backupId: string }[]).map(({ backupId }) => backupId);

  const paged: string[] = [];
  for (let cursor: unknown; cursor !== null; ) {
    const { data } = await client.call('listBackups', { limit: 1, ...(cursor === undefined ? {} : { cursor }) });
    paged.push(...(data['backups'] as { backupId: string }[]).map(({ backupId }) => backupId));
    cursor = data['next'];
  }
  const runs: unknown[] = [];
  for (let cursor: unknown; cursor !== null; ) {
    const { data } = await client.call('listRuns', {
      kind: 'backup',
      limit: 1,
      ...(cursor === undefined ? {} : { cursor }),
    });
    runs.push(...(data['runs'] as unknown[]));
    cursor = data['next'];
  }

  assert.ok(all.length >= 2);
  assert.deepEqual(paged, all);
  assert.equal(runs.length, all.length);
});

test('a schedule is changed and reset through the API, with who did it', async () => {
  const client = await generatedClient();
  const schedule = 'stock-daily-logical';

  const changed = await client.call(
    'changeSchedule',
    { schedule, ...key('move') },
    { cron: '30 3 * * *', timezone: 'Europe/Berlin' },
  );
  const again = await client.call(
    'changeSchedule',
    { schedule, ...key('move') },
    { cron: '30 3 * * *', timezone: 'Europe/Berlin' },
  );
  const refused = await client.call('changeSchedule', { schedule, ...key('wrong') }, { cron: '0 25 * * *' });
  const reset = await client.call('resetSchedule', { schedule, ...key('back') });
  const listed = await client.call('listSchedules', { hours: 24 });

  assert.equal(changed.status, 200);
  assert.deepEqual(
    [changed.data['cron'], changed.data['timezone'], (changed.data['changed'] as { by: { name: string } }).by.name],
    ['30 3 * * *', 'Europe/Berlin', 'arn:aws:iam::000000000000:user/local-token'],
  );
  assert.deepEqual(again.data['changed'], changed.data['changed']);
  assert.equal(objectsUnder(folder, 'journal/19700101T000000Z-').length, 2);
  assert.equal(refused.status, 400);
  assert.match(JSON.stringify(refused.data['problems']), /body\.cron.*is not a cron schedule/);
  assert.deepEqual([reset.data['cron'], reset.data['changed']], ['0 2 * * *', null]);
  assert.equal((listed.data['schedules'] as unknown[]).length, 15);
});

test('reports are listed and read as they were written', async () => {
  const client = await generatedClient();
  await mkdir(join(folder.store, 'reports'), { recursive: true });
  await writeFile(join(folder.store, 'reports/backup_report_latest.json'), '{"status":"ok"}');
  await writeFile(join(folder.store, 'reports/backup_report_latest.html'), '<p>ok</p>');

  const list = await client.call('listReports');
  const report = await client.call('getReport', { report: 'backup_report_latest.json' });
  const page = await client.call('getReport', { report: 'backup_report_latest.html' });
  const missing = await client.call('getReport', { report: 'nothing.json' });

  assert.deepEqual(
    (list.data['reports'] as { name: string; sizeBytes: number }[]).map(({ name, sizeBytes }) => [name, sizeBytes]),
    [
      ['backup_report_latest.html', 9],
      ['backup_report_latest.json', 15],
    ],
  );
  assert.deepEqual(report.data, { status: 'ok' });
  assert.equal(page.data as unknown, '<p>ok</p>');
  assert.match(page.headers['content-security-policy'] ?? '', /sandbox/);
  assert.equal(missing.data['code'], 'report-unknown');
});

test('nobody gets in without the token, which only its owner can read; page, health and metrics stay open', async () => {
  const statuses = await Promise.all(
    [undefined, 'Bearer ', 'Bearer wrong', `Basic ${token}`, `Bearer ${token}x`].map(async (authorization) => {
      const response = await fetch(`${base}/targets`, {
        headers: authorization === undefined ? {} : { authorization },
      });
      const problem = (await response.json()) as { code: string };
      return `${response.status} ${problem.code} ${response.headers.get('www-authenticate')}`;
    }),
  );
  const open = await Promise.all(
    ['', '/health', '/metrics'].map(async (path) => (await fetch(`${opened.stack.statusUrl}${path}`)).status),
  );

  assert.deepEqual([...new Set(statuses)], ['401 caller-unknown Bearer realm="holdfast"']);
  assert.equal(statSync(join(folder.stateDirectory, 'api-token')).mode & 0o777, 0o600);
  assert.ok(token.length >= 43);
  assert.deepEqual(open, [200, 200, 200]);
});

type Hostile = {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly answer: string;
};
const json = { 'content-type': 'application/json' };
const forged = Buffer.from('{"startTime":"0000-01-01T00:00:00Z","backupId":"20261121T020000Z-9f3c2a1b"}').toString(
  'base64url',
);
const hostile: readonly Hostile[] = [
  { path: '/backups/..%2f..%2f..%2fetc%2fpasswd', answer: '400 usage' },
  { path: '/reports/..%2Fjournal%2Fx', answer: '400 usage' },
  { path: '/reports/%2e%2e%2fholdfast.key', answer: '400 usage' },
  { path: '/reports/.store', answer: '400 usage' },
  { path: '/backups/%00', answer: '400 usage' },
  { path: '/nothing', answer: '404 route-unknown' },
  { path: '/backups?colour=red', answer: '400 usage' },
  { path: '/backups?limit=0', answer: '400 usage' },
  { path: '/backups?limit=1&limit=2', answer: '400 usage' },
  { path: '/backups?cursor=bm9uc2Vuc2U', answer: '400 usage' },
  { path: `/backups?cursor=${forged}`, answer: '400 usage' },
  { path: '/backups?since=0000-01-01T00:00:00Z', answer: '400 usage' },
  { path: '/backups?until=2704-10-12T03%3A57%3A24.436269-18%3A27', answer: '200 ' },
  { path: "/backups?target=orders'--", answer: '400 usage' },
  { path: '/runs/backup/nobody', answer: '404 run-unknown' },
  { path: '/runs/catalog/x', answer: '400 usage' },
  { path: '/backups/20261121T020000Z-9f3c2a1b', answer: '404 backup-unknown' },
  { path: '/restores/20261121T020000Z-9f3c2a1b', answer: '404 recovery-unknown' },
  { path: '/schedules/nobody', answer: '404 schedule-unknown' },
  { method: 'DELETE', path: '/backups', answer: '405 method-not-allowed' },
  { method: 'OPTIONS', path: '/backups', answer: '405 method-not-allowed' },
  { method: 'PUT', path: '/schedules/orders-daily-logical', body: '{}', answer: '405 method-not-allowed' },
  { method: 'POST', path: '/backups', body: '{"target":"orders"}', headers: json, answer: '400 usage' },
  {
    method: 'POST',
    path: '/backups',
    body: '{"target":"orders"}',
    headers: { ...json, 'idempotency-key': 'a key with spaces' },
    answer: '400 usage',
  },
  {
    method: 'POST',
    path: '/backups',
    body: 'target=orders',
    headers: { 'idempotency-key': 'h', 'content-type': 'text/plain' },
    answer: '415 media-type-unsupported',
  },
  {
    method: 'POST',
    path: '/backups',
    body: '{"target":',
    headers: { ...json, 'idempotency-key': 'h' },
    answer: '400 usage',
  },
  { method: 'POST', path: '/backups', body: '[]', headers: { ...json, 'idempotency-key': 'h' }, answer: '400 usage' },
  {
    method: 'POST',
    path: '/backups',
    body: '{"target":"orders","requestedBy":{"kind":"sql"}}',
    headers: { ...json, 'idempotency-key': 'h' },
    answer: '400 usage',
  },
  {
    method: 'POST',
    path: '/backups',
    body: '{"target":"orders","scheduledTime":"2026-11-21T02:00:00Z"}',
    headers: { ...json, 'idempotency-key': 'h' },
    answer: '400 usage',
  },
  {
    method: 'POST',
    path: '/backups',
    body: '{"__proto__":{"target":"orders"},"target":"nobody"}',
    headers: { ...json, 'idempotency-key': 'h' },
    answer: '400 usage',
  },
  {
    method: 'POST',
    path: '/backups',
    body: '{"target":"nobody"}',
    headers: { ...json, 'idempotency-key': 'h' },
    answer: '404 target-unknown',
  },
  {
    method: 'POST',
    path: '/backups',
    body: JSON.stringify({ target: 'o'.repeat(70_000) }),
    headers: { ...json, 'idempotency-key': 'h' },
    answer: '413 body-too-large',
  },
  {
    method: 'POST',
    path: '/backups',
    body: 'x'.repeat(7 * 1024 * 1024),
    headers: { ...json, 'idempotency-key': 'h' },
    answer: '413 body-too-large',
  },
  {
    method: 'POST',
    path: '/restores',
    body: '{"backup":"latest","target":"orders","replace":true}',
    headers: { ...json, 'idempotency-key': 'h' },
    answer: '409 target-protected',
  },
  {
    method: 'PATCH',
    path: '/schedules/orders-daily-logical',
    body: '{}',
    headers: { ...json, 'idempotency-key': 'h' },
    answer: '400 usage',
  },
  {
    method: 'PATCH',
    path: '/schedules/orders-daily-logical',
    body: '{"enabled":"no"}',
    headers: { ...json, 'idempotency-key': 'h' },
    answer: '400 usage',
  },
  {
    path: '/targets',
    headers: { 'x-forwarded-host': 'evil.example\u0009', 'x-forwarded-proto': 'gopher' },
    answer: '200 ',
  },
];

test('hostile requests are refused with a problem that says why, and nothing is started or written for them', async () => {
  const before = { claims: objectsUnder(folder, 'idempotency/').length, runs: opened.stack.executions.list().length };

  for (const { method = 'GET', path, headers = {}, body, answer } of hostile) {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const said = (await response.json()) as { code?: string; detail?: string };
    assert.equal(`${response.status} ${said.code ?? ''}`, answer, `${method} ${path} ${body?.slice(0, 80)}`);
    if (response.ok) continue;
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    assert.doesNotMatch(JSON.stringify(said), /node_modules|\.ts:|\.mjs|at [A-Z]\w+\./);
  }

  assert.deepEqual(
    { claims: objectsUnder(folder, 'idempotency/').length, runs: opened.stack.executions.list().length },
    before,
  );
});
