import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { HealthAnswer } from '../../lib/api/health.ts';
import type { StackEvent } from '../../lib/local/local-stack.ts';
import { webhookServer } from '../lifecycle/alert-places.ts';
import { promtool } from '../servers/promtool.ts';
import { runCli } from './run-cli.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { type OpenStack, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

let server: SourceServer;
let hook: Awaited<ReturnType<typeof webhookServer>>;
let folder: StackFolder;
let opened: OpenStack;
const events: StackEvent[] = [];

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 10 } });
  hook = await webhookServer();
  // 'stock' and 'files' name databases that are not there: their backups fail, and nothing changes by trying again.
  folder = await stackFolder({ server, webhook: hook.url, connections: { books: { port: 9 } } });
  opened = await openStack(folder, { onEvent: (event) => events.push(event) });
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await hook?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const page = async (path: string): Promise<string> => (await fetch(`${opened.stack.statusUrl}${path}`)).text();
const installation = async (): Promise<HealthAnswer> =>
  (JSON.parse(await page('/health')) as { installation: HealthAnswer }).installation;
/** Subjects of the mails that were sent so far. */
const mails = async (): Promise<string[]> => {
  await opened.stack.topics.settle();
  return (await opened.stack.topics.messages())
    .filter(({ deliveries }) => deliveries.some(({ protocol }) => protocol === 'email'))
    .map(({ subject }) => subject ?? '');
};

test('a failed backup is told by webhook and mail, and its end when one succeeds', async () => {
  await opened.failed(opened.backup('stock'), 'database-missing');
  const subjects = await mails();
  const began = hook.news();
  await server.run('postgres', 'create database stock');
  await opened.succeeded(opened.backup('stock'));

  assert.deepEqual(subjects, ['Holdfast: critical: backup-failed-stock-logical']);
  assert.equal(began.length, 1);
  assert.match(
    began[0] ?? '',
    /^CRITICAL: the backup '\d{8}T\d{6}Z-[0-9a-f]{8}' of 'stock' failed: \[database-missing\] /,
  );
  assert.deepEqual(await mails(), [...subjects, 'Holdfast: over: backup-failed-stock-logical']);
  assert.match(hook.news()[0] ?? '', /^OVER since .*: the backup .* of 'stock' failed/);
});

test('the health check asks the targets by a task, and what it finds is on the page, in the API and on the command line', async () => {
  await opened.succeeded(opened.backup('orders'));
  await opened.reconcile();
  const checked = opened.stack.startExecution('holdfast-health-check', {});
  const record = await opened.stack.waitFor(checked.arn);
  assert.equal(record.status, 'SUCCEEDED', `${record.error}: ${record.cause}`);

  await opened.invoke('WatchFunction');

  const { status, checks, problems } = await installation();
  assert.equal(status, 'problem');
  assert.deepEqual(
    problems.map(({ problem, first }) => [problem, first]),
    [['target-unreachable-books', 'holdfast probe books']],
  );
  assert.deepEqual(Object.fromEntries(checks.map((check) => [check.check, check.status])), {
    backups: 'ok',
    'failed-runs': 'ok',
    schedules: 'ok',
    leases: 'ok',
    targets: 'problem',
    wal: 'unknown',
    key: 'ok',
    catalog: 'ok',
    alerts: 'unknown',
  });
  const html = await page('/');
  assert.ok(html.includes('There is a problem.'), html);
  assert.ok(html.includes('holdfast probe books'), html);
  const cli = await runCli(['health', '--json', '--config', folder.configFile]);
  assert.equal(cli.exitCode, 17, cli.stderr);
  assert.deepEqual(
    JSON.parse(cli.stdout).problems.map(({ id }: { id: string }) => id),
    ['target-unreachable-books'],
  );
});

test('/metrics tells what is true now, in the form that Prometheus wants', async () => {
  const text = await page('/metrics');

  const { code, output } = await promtool(['check', 'metrics'], text);
  // The one name that is not as Prometheus would have it is what users have rules for.
  assert.equal(output.trim(), 'backup_age_hours use base unit "seconds" instead of "hours"');
  assert.equal(code, 3, output);
  const rows = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const has = (row: string): void =>
    assert.ok(
      rows.some((line) => line.startsWith(row)),
      `${row}\n${text}`,
    );
  for (const target of ['orders', 'stock'])
    has(`backup_status{service="postgres",type="logical",target="${target}"} 1`);
  has('backup_age_hours{service="postgres",type="logical",target="orders"} 0');
  has('backup_validation_status{service="postgres",type="logical",target="orders"} 1');
  has('volume_health_status{volume="store"} ');
  has('volume_usage_percent{volume="store"} ');
  has('volume_used_bytes{volume="store"} ');
  has('holdfast_catalog_up 1');
  has('holdfast_catalog_unindexed_events 0');
  has('holdfast_problems{kind="target-unreachable",severity="critical"} 1');
  has('holdfast_problems{kind="missed-run",severity="critical"} 0');
  has('holdfast_target_reachable{target="books"} 0');
  has('holdfast_target_reachable{target="orders"} 1');
  has('holdfast_restorable_point_age_seconds{target="orders"} ');
  has('holdfast_rpo_seconds{target="orders"} 14400');
  has('holdfast_watch_age_seconds ');
});

test('a webhook that is down is told by mail, holds up no backup, and leaves what it was to be told in a queue', async () => {
  hook.answer.status = 500;
  const before = (await mails()).length;

  await opened.succeeded(opened.backup('orders'));
  await opened.failed(opened.backup('files'), 'database-missing');
  const after = (await mails()).slice(before);
  hook.answer.status = 200;
  const proved = await runCli(['alerts', '--prove', '--json', '--config', folder.configFile]);

  assert.deepEqual(after.slice(0, 2), [
    'Holdfast: critical: backup-failed-files-logical',
    'Holdfast: critical: channel-down-webhook',
  ]);
  const depths = await opened.stack.queues.depths();
  const [, letters] = Object.entries(depths).find(([name]) => name.includes('AlertsDeadLetters')) ?? [];
  assert.equal(letters, 1, JSON.stringify(depths));
  assert.equal(proved.exitCode, 0, proved.stderr);
  const { channels } = JSON.parse(proved.stdout) as { channels: { channel: string; isWorking: boolean }[] };
  assert.deepEqual(
    channels.map(({ channel, isWorking }) => [channel, isWorking]),
    [
      ['webhook', true],
      ['email', true],
    ],
  );
  assert.ok((await mails()).includes('Holdfast: over: channel-down-webhook'));
  assert.ok(hook.news().some((line) => line.startsWith('Holdfast canary: alerts reach this channel.')));
});

test('the commands of the runbooks that change nothing work on this installation', async () => {
  for (const args of [
    ['list', 'orders'],
    ['show', 'latest', '--target', 'orders'],
    ['targets'],
    ['alerts'],
    ['probe', 'orders'],
    ['validate', 'latest', '--target', 'orders'],
    ['explain', 'errors'],
    ['explain', 'problems'],
    ['explain', 'metrics'],
    ['explain', 'alert-rules'],
  ]) {
    const { exitCode, stderr } = await runCli([...args, '--config', folder.configFile], {
      environment: folder.environment,
    });
    assert.equal(exitCode, 0, `${args.join(' ')}: ${stderr}`);
  }
});
