import assert from 'node:assert/strict';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SignatureV4 } from '@smithy/signature-v4';
import { type CleanupRun, noTotals } from '../../lib/core/cleanup.ts';
import type { BackupRun, RestoreRun, RestoreTestRun } from '../../lib/core/requests.ts';
import type { ExecutionRecord } from '../../lib/local/executions/history.ts';
import { asJsonObject, type Json } from '../../lib/local/json.ts';
import { type CliEnd, runCli } from '../e2e/run-cli.ts';
import { age, leaveOldObjects, liftLegalHold, lockData } from './age.ts';
import { secretText } from './canaries.ts';
import type { Installation } from './installation.ts';
import { findProcess } from './process-watch.ts';
import { until } from './watched-tools.ts';

/** What people were shown on the way. */
export type Shown = { readonly where: string; readonly text: string };

type Chapter = {
  readonly name: string;
  readonly live: (installation: Installation) => Promise<readonly Shown[] | undefined>;
};

/**
 * The life of an installation, in which every role makes every call that it ever makes: whoever adds a function, task or grant adds the
 * chapter in which it is used.
 */
export const chapters: readonly Chapter[] = [
  {
    name: 'schedules fire: everything that is due in a night',
    live: async ({ opened, clock }) => {
      clock.moveTo('2026-11-21T02:15:00Z');
      await Promise.all(opened.stack.executions.list().map(({ arn }) => opened.stack.waitFor(arn)));
      const nightly = opened.stack.executions.list().find(({ arn }) => arn.includes('holdfast-backup'));
      assert.equal(nightly?.status, 'SUCCEEDED', nightly?.cause);
      // A schedule may fire twice; the second finds what the first left.
      await opened.succeeded(
        opened.stack.startExecution('holdfast-backup', JSON.parse(nightly?.input ?? '{}') as Json),
      );
      return undefined;
    },
  },
  {
    name: 'people back up by password file and by variable, and two at once are one too many',
    live: async ({ opened }) => {
      await opened.succeeded(opened.backup('stock'));
      const both = [opened.backup('books'), opened.backup('books')];
      const ends = await Promise.all(both.map(({ arn }) => opened.stack.waitFor(arn)));
      assert.deepEqual(ends.map(({ status, error }) => `${status} ${error ?? ''}`.trim()).sort(), [
        'FAILED lease-held',
        'SUCCEEDED',
      ]);
      return undefined;
    },
  },
  {
    name: 'backups fail: a dump that ends badly, a wrong password, a task that is killed',
    live: async (installation) => {
      const { opened, tools, planted, writeStockPassword } = installation;
      tools.makeDumps('fail');
      await opened.stack.waitFor(opened.backup('orders').arn);
      tools.makeDumps('stall');
      const killed = opened.backup('books');
      await tools.stalled();
      const task = findProcess(/main\.mjs backup/);
      assert.ok(task !== undefined, 'no task runs');
      process.kill(task, 'SIGKILL');
      tools.makeDumps('work');
      await entered(opened, killed, 'Wait before the next attempt');
      await stopped(opened, killed);
      writeStockPassword(secretText('wrong-password'));
      await opened.failed(opened.backup('stock'), 'auth-failed');
      writeStockPassword(planted.stockPassword);
      return undefined;
    },
  },
  {
    name: 'an operator stops executions: one that writes, one that has published and not recorded',
    live: async (installation) => {
      const { opened, tools } = installation;
      tools.makeDumps('stall');
      const writing = opened.backup('orders');
      await uploadBegan(installation, tools.stalled);
      tools.makeDumps('work');
      await stopped(opened, writing);

      const published = opened.backup('books');
      await entered(opened, published, 'Validate the backup');
      await stopped(opened, published);
      await opened.reconcile();
      return undefined;
    },
  },
  {
    name: 'restores, one of them over a database that is there',
    live: async ({ opened }) => {
      const { run, record } = await opened.succeeded<RestoreRun>(
        opened.restore({ backup: 'latest', target: 'orders', as: 'orders_copy' }),
      );
      const failed = await opened.stack.waitFor(
        opened.restore({ backup: run.backupId, target: 'orders', as: 'orders_copy' }).arn,
      );
      assert.equal(failed.status, 'FAILED');
      await opened.succeeded(opened.restore({ backup: run.backupId, into: 'archive', as: 'orders_archive' }));
      await again(opened, 'admit-restore', {
        request: JSON.parse(record.input) as Json,
        execution: record.name,
        startedAt: record.beganAt,
      });
      await again(opened, 'admit-restore', {
        request: { backup: '20200101T000000Z-00000000' },
        execution: 'x',
        startedAt: record.beganAt,
      });
      await again(opened, 'record-outcome', { run });
      return undefined;
    },
  },
  {
    name: 'steps that are tried again find what they did before, and what is not there',
    live: async ({ opened }) => {
      const { run, record } = await opened.succeeded<BackupRun>(opened.backup('stock'));
      await again(opened, 'admit-backup', { request: JSON.parse(record.input) as Json, execution: record.name });
      await again(opened, 'release-lease', { run });
      const absent = { ...run, backupId: '20200101T000000Z-00000000' };
      await again(opened, 'validate-backup', { run });
      await again(opened, 'validate-backup', { run: absent });
      await again(opened, 'release-lease', { run: { ...absent, target: 'nowhere' } });
      await again(opened, 'record-outcome', { run });
      return undefined;
    },
  },
  {
    name: 'backups are proved by restoring them into a server of their own',
    live: async ({ opened }) => {
      const { run, record } = await opened.succeeded<RestoreTestRun>(opened.restoreTest({}));
      await opened.succeeded(opened.restoreTest({ backup: run.backupId }));
      await opened.failed(opened.restoreTest({ backup: '20200101T000000Z-00000000' }), 'backup-unknown');
      await again(opened, 'admit-restore-test', {
        request: JSON.parse(record.input) as Json,
        execution: record.name,
        startedAt: record.beganAt,
      });
      await again(opened, 'record-outcome', { run });
      return undefined;
    },
  },
  {
    name: 'backups are held and released, and what is over is removed, but for what is locked',
    live: async (installation) => {
      const { opened, configFile, environment } = installation;
      const { run: old } = await opened.succeeded(opened.backup('stock', { tier: 'daily' }));
      const { run: locked } = await opened.succeeded(opened.backup('stock', { tier: 'daily' }));
      const { run: newest } = await opened.succeeded(opened.backup('stock'));
      // The newest that is verified stays, whatever its age.
      await opened.succeeded(opened.restoreTest({ backup: newest.backupId }));
      for (const run of [old, locked]) await age(installation, run, 400);
      await lockData(installation, locked);
      await leaveOldObjects(installation);
      const cleanUp = (input: Readonly<Record<string, boolean>>) =>
        opened.succeeded<CleanupRun>(opened.stack.startExecution('holdfast-cleanup', input));
      const shown: Shown[] = [];
      const say = async (...args: string[]): Promise<void> => {
        const end = await runCli([...args, '--config', configFile], { environment });
        assert.equal(end.exitCode, 0, end.stderr);
        shown.push({ where: `holdfast ${args.join(' ')}`, text: end.stdout + end.stderr });
      };
      await say('hold', old.backupId, '--reason', 'case 4711');
      await liftLegalHold(installation, old);
      await cleanUp({ dryRun: true });
      await cleanUp({});
      await say('release', old.backupId, '--reason', 'closed');
      const { run: cleaned } = await cleanUp({});
      await again(opened, 'sweep-expired', { run: cleaned, progress: { next: 0, isDone: false, totals: noTotals } });
      await again(opened, 'end-cleanup', { run: cleaned, totals: noTotals });
      const rows = await opened.catalog.list({ limit: 1000 });
      assert.deepEqual(
        [old, locked].map(({ backupId }) => rows.find((row) => row.backupId === backupId)?.status),
        // What the lock keeps is marked, and goes when the lock ends.
        ['DELETED', 'EXPIRED'],
      );
      return shown;
    },
  },
  {
    name: 'the watch looks, the health is checked, and the canary proves the channels of alerts',
    live: async ({ opened, alerts }) => {
      await opened.invoke('WatchFunction');
      await opened.stack.waitFor(opened.stack.startExecution('holdfast-health-check', {}).arn);
      await opened.invoke('WatchFunction');
      await opened.invoke('AlertsNotifyFunction', { canary: true });
      assert.ok(alerts.some((text) => text.includes('canary')));
      return undefined;
    },
  },
  {
    name: 'the API is asked for everything that it offers',
    live: async (installation) => {
      const { opened } = installation;
      const list = await callApi(installation, 'GET', '/backups');
      const { backups } = JSON.parse(list.text) as { readonly backups: readonly { readonly id: string }[] };
      const asked = await callApi(installation, 'POST', '/backups', { target: 'stock' });
      await opened.stack.waitFor((JSON.parse(asked.text) as { readonly arn: string }).arn);
      return [
        list,
        asked,
        await callApi(installation, 'GET', `/backups/${backups[0]?.id}`),
        await callApi(installation, 'GET', '/backups/20200101T000000Z-00000000'),
        await callApi(installation, 'GET', '/health'),
        await callApi(installation, 'GET', '/metrics'),
      ];
    },
  },
  {
    name: 'an operator looks around on the command line, and mistypes',
    live: async ({ configFile, environment }) => {
      const shown: Shown[] = [];
      for (const args of [
        ['doctor'],
        ['list'],
        ['show', 'latest', '--target', 'orders', '--tables'],
        ['validate', 'latest', '--target', 'stock'],
        ['catalog', 'rebuild'],
        ['probe', 'books'],
        ['status'],
        ['cleanup', '--dry-run'],
        ['health'],
        ['list', '--json'],
        ['restore', 'nonsense'],
        ['backup', 'nobody'],
      ]) {
        const end: CliEnd = await runCli([...args, '--config', configFile], { environment });
        shown.push({ where: `holdfast ${args.join(' ')}`, text: end.stdout + end.stderr });
      }
      return shown;
    },
  },
];

/** Lives through all chapters in turn. */
export async function liveThrough(installation: Installation): Promise<readonly Shown[]> {
  const shown: Shown[] = [];
  for (const { name, live } of chapters) {
    try {
      shown.push(...((await live(installation)) ?? []));
    } catch (cause) {
      throw new Error(`in the chapter '${name}'`, { cause });
    }
  }
  return shown;
}

type Opened = Installation['opened'];

/** Resolves when the execution has entered the state. */
async function entered({ stack }: Opened, { arn }: ExecutionRecord, state: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const unlisten = stack.executions.listen((news) => {
    if (news.kind !== 'event' || news.execution.arn !== arn) return;
    if (news.event.type === 'state-entered' && news.event.state === state) resolve();
  });
  void stack
    .waitFor(arn)
    .then(({ error, cause }) => reject(new Error(`it ended before '${state}': ${error}: ${cause}`)));
  await promise;
  unlisten();
}

/** Stops the execution, and gives back the lease that it leaves, which would run out by itself. */
async function stopped(opened: Opened, { arn }: ExecutionRecord): Promise<void> {
  const { executions } = opened.stack;
  await executions.stop(arn);
  const last = (await executions.events(arn)).findLast(({ type }) => type === 'state-entered');
  await again(opened, 'release-lease', { run: asJsonObject(last?.input)['run'] ?? null });
}

/** Resolves when an upload of a database's dump has begun that was not there before. */
async function uploadBegan({ opened, root }: Installation, work: () => Promise<void>): Promise<void> {
  const begun = async (): Promise<number> =>
    (await opened.stack.calls.read()).filter(
      ({ action, resource, context }) =>
        action === 's3:PutObject' && context['s3:ObjectCreationOperation'] === 'false' && !resource.includes('globals'),
    ).length;
  const before = await begun();
  await work();
  await until(join(root, '.holdfast'), async () => (await begun()) > before);
}

/** Invokes a step as its state machine does when it tries again; a step may refuse. */
async function again({ stack }: Opened, step: string, payload: Json): Promise<void> {
  const { endpointUrl: endpoint, region, credentials } = stack;
  const lambda = new LambdaClient({ endpoint, region, credentials });
  const name = stack.model.functions.find((known) => known.name.includes(`Steps${step.replaceAll('-', '')}`))?.name;
  await lambda.send(new InvokeCommand({ FunctionName: name ?? step, Payload: JSON.stringify(payload) }));
  lambda.destroy();
}

async function callApi({ opened: { stack } }: Installation, method: string, path: string, body?: Json): Promise<Shown> {
  const name = stack.model.functions.find((known) => known.name.includes('ApiFunction'))?.name;
  const url = new URL(`/functions/${name}${path}`, stack.statusUrl);
  const { sha256 } = new LambdaClient({ region: stack.region }).config;
  const signer = new SignatureV4({ service: 'lambda', region: stack.region, credentials: stack.credentials, sha256 });
  const { headers } = await signer.sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    port: Number(url.port),
    path: url.pathname,
    query: {},
    headers: { host: url.host, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { host: _, ...sent } = headers;
  const response = await fetch(url, {
    method,
    headers: sent,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { where: `${method} ${path}`, text: await response.text() };
}
