import assert from 'node:assert/strict';
import { lastDue } from '../../../lib/core/due-times.ts';
import { runCli } from '../../e2e/run-cli.ts';
import { ageWatch } from '../age.ts';
import type { Chapter } from './chapter.ts';

const grace = 10 * 60_000;

export const watching: Chapter = {
  name: 'the watch looks, the health is checked, and the canary proves the channels of alerts',
  live: async (installation) => {
    const { opened, alerts, configFile, environment } = installation;
    const schedule = 'archive-daily-logical';
    const enabled = await runCli(['schedules', 'enable', schedule, '--config', configFile], { environment });
    assert.equal(enabled.exitCode, 0, enabled.stderr);
    await opened.invoke('WatchFunction');
    await ageWatch(installation, 2);
    // Nobody has begun what was due this night, by the clock that programs have.
    await opened.invoke('WatchFunction');
    const due = lastDue({ cron: '0 2 * * *', timezone: 'UTC' }, new Date(Date.now() - grace));
    await opened.succeeded(
      opened.stack.startExecution('holdfast-backup', {
        target: 'archive',
        tier: 'daily',
        scheduledTime: due?.toISOString() ?? 'never',
      }),
    );
    await opened.succeeded(opened.stack.startExecution('holdfast-health-check', {}));
    await opened.invoke('WatchFunction');
    await opened.invoke('AlertsNotifyFunction', { canary: true });
    for (const told of [schedule, 'canary'])
      assert.ok(
        alerts.some((text) => text.includes(told)),
        `${told} is not in ${alerts.join(' | ')}`,
      );
    return [{ where: 'holdfast schedules enable', text: enabled.stdout + enabled.stderr }];
  },
};
