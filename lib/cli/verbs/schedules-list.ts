import { HoldfastError } from '../../core/errors.ts';
import { nameOfRequester } from '../../core/manifest.ts';
import type { LastRun } from '../../lifecycle/last-runs.ts';
import { type ScheduleOverview, scheduleOverview } from '../../lifecycle/schedule-overview.ts';
import { type UpkeepOverview, upkeepOverview } from '../../lifecycle/upkeep-overview.ts';
import type { CliContext } from '../context.ts';
import { direct } from '../direct.ts';
import { counted, duration, oneLine, table } from '../output.ts';
import { placesOf } from '../restorable-points.ts';

type Options = { readonly hours?: string };

/** A run that was admitted this much after its time is called late. */
const lateAfterSeconds = 300;

export async function run(context: CliContext, { hours }: Options): Promise<number> {
  const window = hours === undefined ? undefined : parseHours(hours);
  const { schedules, upkeep } = await direct(context, async (run) => ({
    schedules: await scheduleOverview(run, { hours: window }),
    upkeep: await upkeepOverview(placesOf(context, run), { hours: window }),
  }));
  context.output.result({ schedules, upkeep }, () =>
    window === undefined ? [...overview(schedules), '', ...upkeepTable(upkeep)] : agenda(schedules, upkeep, window),
  );
  return 0;
}

function overview(schedules: readonly ScheduleOverview[]): string[] {
  const notes = schedules.flatMap(noteOf);
  return [
    ...table(
      ['SCHEDULE', 'TARGET', 'TIER', 'METHOD', 'CRON', 'TIME ZONE', 'ENABLED', 'LAST RUN', 'OUTCOME', 'NEXT RUN'],
      schedules.map((schedule) => [
        schedule.name,
        schedule.target,
        schedule.tier,
        schedule.method,
        `${schedule.cron}${isOther(schedule, 'cron') ? changedMark : ''}`,
        `${schedule.timezone}${isOther(schedule, 'timezone') ? changedMark : ''}`,
        `${schedule.enabled ? 'yes' : 'no'}${isOther(schedule, 'enabled') ? changedMark : ''}`,
        schedule.lastRun?.scheduledTime ?? 'none yet',
        schedule.lastRun === null ? '' : outcomeOf(schedule.lastRun),
        shortTime(schedule.nextRuns[0]) ?? 'none',
      ]),
    ),
    ...(notes.length > 0 ? ['', ...notes] : []),
  ];
}

/** No star: it would be a field of the pattern. */
const changedMark = ' (changed)';

function upkeepTable(upkeep: readonly UpkeepOverview[]): string[] {
  return table(
    ['ALSO', 'WHEN', 'ENABLED', 'LAST RUN', 'OUTCOME', 'NEXT RUN', 'WHAT IT DOES'],
    upkeep.map(({ name, when, enabled, lastRun, nextRuns, does }) => [
      name,
      'cron' in when ? `${when.cron} ${when.timezone}` : `every ${counted(when.everyMinutes, 'minute')}`,
      enabled ? 'yes' : 'no',
      lastRun?.at ?? (leavesNothing.has(name) ? 'not kept' : 'none yet'),
      lastRun?.outcome ?? '',
      shortTime(nextRuns[0]) ?? (enabled && 'everyMinutes' in when ? 'soon' : 'none'),
      does,
    ]),
  );
}

/** They leave nothing behind but what they start and change. */
const leavesNothing: ReadonlySet<string> = new Set(['take-requests', 'apply-schedules']);

type Planned = {
  readonly name: string;
  readonly nextRuns: readonly string[];
  readonly target?: string;
  readonly tier?: string;
  readonly method?: string;
};

function agenda(schedules: readonly ScheduleOverview[], upkeep: readonly UpkeepOverview[], hours: number): string[] {
  // What runs more than once an hour would hide the rest.
  const [often, seldom] = [true, false].map((wanted) => upkeep.filter((one) => one.nextRuns.length > hours === wanted));
  const runs = [...schedules, ...(seldom ?? [])]
    .flatMap((schedule: Planned) => schedule.nextRuns.map((at) => ({ at, schedule })))
    .toSorted((a, b) => (a.at === b.at ? (a.schedule.name < b.schedule.name ? -1 : 1) : a.at < b.at ? -1 : 1));
  const beside = (often ?? []).map(
    ({ name, nextRuns }) => `'${name}' runs ${counted(nextRuns.length, 'time')} meanwhile`,
  );
  if (runs.length === 0) return [`no schedule runs within ${hours} hours`, ...beside];
  return [
    ...table(
      ['TIME (UTC)', 'SCHEDULE', 'TARGET', 'TIER', 'METHOD'],
      runs.map(({ at, schedule: { name, target = '', tier = '', method = '' } }) => [
        shortTime(at) ?? '',
        name,
        target,
        tier,
        method,
      ]),
    ),
    ...(beside.length > 0 ? ['', ...beside] : []),
  ];
}

/** What a change, a failure or a late run means. */
function noteOf(schedule: ScheduleOverview): string[] {
  const { name, changed, configured, lastRun } = schedule;
  const notes: string[] = [];
  if (changed !== null)
    notes.push(
      `'${name}' was changed by ${nameOfRequester(changed.by)} at ${changed.at}; configured: '${configured.cron}' ${configured.timezone}, ${configured.enabled ? 'enabled' : 'disabled'} ('holdfast schedules reset ${name}' brings that back)`,
    );
  if (lastRun?.error)
    notes.push(
      `'${name}' failed: [${lastRun.error.code}] ${oneLine(lastRun.error.message)}`,
      `HINT: ${lastRun.error.hint}`,
    );
  return notes;
}

function outcomeOf({ status, lateSeconds, error }: LastRun): string {
  const late = lateSeconds < lateAfterSeconds ? '' : `, ${duration(lateSeconds)} late`;
  return `${status}${error === null ? '' : ` (${error.code})`}${late}`;
}

const isOther = (schedule: ScheduleOverview, setting: 'cron' | 'timezone' | 'enabled'): boolean =>
  schedule[setting] !== schedule.configured[setting];

/** `2026-11-21T02:00:00.000Z` as `2026-11-21T02:00Z`: schedules run at whole minutes. */
const shortTime = (time: string | undefined): string | undefined => time?.replace(':00.000Z', 'Z');

function parseHours(text: string): number {
  const hours = Number(text);
  if (hours > 0 && hours <= 24 * 366) return hours;
  throw new HoldfastError('usage', `--hours: '${text}' is not a number of hours, up to a year's`);
}
