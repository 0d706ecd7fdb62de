import assert from 'node:assert/strict';
import type { Json } from '../../../lib/local/json.ts';
import { leaveReport } from '../age.ts';
import { type ApiAnswer, callApi } from '../call-api.ts';
import type { Chapter } from './chapter.ts';

export const everyRoute: Chapter = {
  name: 'the API is asked for everything that it offers',
  live: async (installation) => {
    const { opened } = installation;
    const answers: ApiAnswer[] = [];
    const ask = async (method: string, path: string, body?: Json): Promise<ApiAnswer> => {
      const answer = await callApi(installation, { method, path, body, key: `key-${answers.length}` });
      answers.push(answer);
      return answer;
    };
    const run = async (path: string, body: Json): Promise<void> => {
      const { status, text } = await ask('POST', path, body);
      assert.equal(status, 202, text);
      const { kind, name } = JSON.parse(text) as { readonly kind: string; readonly name: string };
      const started = opened.stack.executions.list().find((execution) => execution.name === name);
      await opened.stack.waitFor(started?.arn ?? name);
      await ask('GET', `/runs/${kind}/${name}`);
      await ask('GET', `/runs/${kind}`);
    };

    await run('/backups', { target: 'stock' });
    const list = await ask('GET', '/backups?target=stock&status=COMPLETED');
    const { backups } = JSON.parse(list.text) as { readonly backups: readonly { readonly backupId: string }[] };
    const backup = backups[0]?.backupId ?? '';
    await ask('GET', `/backups/${backup}`);
    await ask('POST', `/backups/${backup}/validations`);
    await run('/restores', { backup, into: 'archive', as: 'stock_api' });
    await run('/restore-tests', { backup });
    await run('/cleanups', { dryRun: true });
    const { run: cleanup } = JSON.parse(opened.stack.executions.list()[0]?.output ?? '{}') as {
      readonly run: { readonly cleanupId: string };
    };
    await ask('GET', `/cleanups/${cleanup.cleanupId}`);
    await ask('PUT', `/backups/${backup}/hold`, { reason: 'case 4712' });
    await ask('DELETE', `/backups/${backup}/hold?reason=closed`);
    await ask('GET', `/validations?backup=${backup}`);
    const restores = await ask('GET', '/restores');
    const { restores: known } = JSON.parse(restores.text) as { readonly restores: readonly { recoveryId: string }[] };
    await ask('GET', `/restores/${known[0]?.recoveryId}`);
    await ask('GET', '/targets');
    await ask('GET', '/schedules?hours=24');
    await ask('PATCH', '/schedules/stock-daily-logical', { cron: '30 3 * * *' });
    await ask('DELETE', '/schedules/stock-daily-logical/changes');
    await leaveReport(installation, 'backup_report_latest.json');
    await ask('GET', '/reports');
    await ask('GET', '/reports/backup_report_latest.json');
    await ask('GET', '/health');
    await ask('GET', '/metrics');
    await ask('GET', '/openapi.json');
    for (const { status, where, text } of answers) assert.ok(status < 300, `${where}: ${status} ${text}`);
    await ask('GET', '/backups/20200101T000000Z-00000000');
    // The same wish again.
    const again = { method: 'POST', path: '/backups', body: { target: 'stock' }, key: 'key-0' };
    answers.push(await callApi(installation, again));
    assert.equal(answers.at(-1)?.status, 202);
    return answers;
  },
};
