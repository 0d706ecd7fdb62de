import assert from 'node:assert/strict';
import type { RestoreRun } from '../../../lib/core/requests.ts';
import type { ExecutionRecord } from '../../../lib/local/executions/history.ts';
import type { Json } from '../../../lib/local/json.ts';
import { catalogDatabase } from '../../e2e/catalog-access.ts';
import { until } from '../../until.ts';
import { callApi } from '../call-api.ts';
import { again, type Chapter } from './chapter.ts';

export const recoveries: Chapter = {
  name: 'recoveries wait for a second person, who approves one and refuses another, and one fails',
  live: async (installation) => {
    const { opened } = installation;
    await using catalog = await catalogDatabase(opened.folder);
    const ask = async (text: string) => (await catalog.client.query(text)).rows;
    /** The execution of that name, when it waits for somebody. */
    const waiting = (recovery: string): Promise<ExecutionRecord> => {
      const waits = `select r.execution from holdfast.approval_wait join holdfast.request as r using (request_bk) where request_bk = '${recovery}'`;
      return until(
        async () => {
          const [row] = await ask(waits);
          return opened.stack.executions.list().find(({ name }) => name === row?.execution);
        },
        `recovery '${recovery}' to wait for somebody`,
        120,
      );
    };
    /** The execution of that recovery. Whom the database calls by itself may have taken the request first, and be about to start it. */
    const startedFor = (recovery: string): Promise<ExecutionRecord> =>
      until(
        async () => opened.stack.executions.list().find(({ name }) => name.includes(recovery)),
        `recovery '${recovery}' to be started`,
        120,
      );
    const api = async (method: string, path: string, body?: Json): Promise<Readonly<Record<string, string>>> => {
      const { status, text } = await callApi(installation, { method, path, body, key: `recovery-${path}` });
      assert.ok(status < 300, text);
      return JSON.parse(text) as Readonly<Record<string, string>>;
    };
    const stock = { backup: 'latest', target: 'stock', into: 'books' };

    // Into a target that demands it, by a way on which nobody asked for it.
    const { kind, name } = await api('POST', '/restores', { ...stock, as: 'stock_in_books' });
    await api('GET', `/runs/${kind}/${name}`);
    await api('GET', `/runs/${kind}`);
    const started = opened.stack.executions.list().find((one) => one.name === name);
    assert.ok(started);
    const requested = `select request_bk from holdfast.request where execution = '${name}'`;
    const adopted: string = await until(async () => (await ask(requested))[0]?.request_bk, 'its request', 120);
    await waiting(adopted);
    await ask(`call backup_mgmt.approve_recovery('${adopted}')`);
    await opened.takeRequests();
    const { run, record } = await opened.succeeded<RestoreRun>(started);

    const { recoveryId = '' } = await api('POST', '/recoveries', { ...stock, as: 'never' });
    const refused = await waiting(recoveryId);
    await api('POST', `/recoveries/${recoveryId}/refusal`, { reason: 'the wrong day' });
    await opened.takeRequests();
    await opened.failed(refused, 'recovery-refused');

    const [failing] = await ask(
      "select * from backup_mgmt.initiate_point_in_time_recovery(target => 'stock', recovery_type => 'FULL', database => 'stock', restore_as => 'stock_in_books', approval_required => false)",
    );
    await opened.takeRequests();
    await opened.failed(await startedFor(failing?.recovery_bk), 'target-not-empty');

    // One that a version has queued which had no such state machine: it is started in the other one when it is approved.
    await ask('begin');
    const [older] = await ask(
      "select * from backup_mgmt.initiate_point_in_time_recovery(target => 'stock', recovery_type => 'FULL', database => 'stock', restore_as => 'stock_older')",
    );
    const isOlder = `request_bk = '${older?.recovery_bk}'`;
    await ask(
      `update holdfast.request set machine = 'restore', input = input - 'needsApproval', approved_by = 'somebody' where ${isOlder}`,
    );
    await ask('commit');
    await opened.takeRequests();
    await ask(
      `update holdfast.request set status = 'STARTED', taken_at = now() - interval '1 minute' where ${isOlder}`,
    );
    await opened.takeRequests();
    const olderRun = await startedFor(older?.recovery_bk);
    assert.equal(olderRun.machineName, 'holdfast-restore');
    await opened.succeeded(olderRun);

    // It asks again, as after an answer that got lost; whoever passes decisions on finds that nobody waits.
    await again(opened, 'ask-approval', {
      ...{ run: run as unknown as Json, request: stock, taskToken: 'worth nothing', startedAt: record.beganAt },
    });
    await opened.takeRequests();
    return undefined;
  },
};
