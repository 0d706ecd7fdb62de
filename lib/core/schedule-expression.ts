import { HoldfastError } from './errors.ts';

/**
 * A cron pattern of five fields (minute, hour, day of month, month, day of week) in EventBridge Scheduler's form. Scheduler wants a `?` for
 * one of the two day fields, counts weekdays from 1 for Sunday, and knows no pattern with both days given: cron would run on either, so that
 * is refused with `config-invalid`.
 *
 * @example schedulerCron('0 2 * * 0') // 'cron(0 2 ? * 1 *)'
 */
export function schedulerCron(pattern: string): string {
  const fields = pattern.trim().split(/\s+/);
  const [minute = '*', hour = '*', day = '*', month = '*', weekday = '*'] = fields;
  if (day !== '*' && weekday !== '*') {
    throw new HoldfastError('config-invalid', `schedule '${pattern}' gives a day of the month and a day of the week`, {
      hint: 'EventBridge Scheduler knows one of them only: make it two backups, of different tiers',
    });
  }
  const days = weekday === '*' ? `${steps(day, 1)} ${steps(month, 1)} ?` : `? ${steps(month, 1)} ${weekdays(weekday)}`;
  return `cron(${steps(minute, 0)} ${steps(hour, 0)} ${days} *)`;
}

/** `every fourth (*)` as `0/4`: Scheduler wants to be told where the steps begin. */
const steps = (field: string, first: number): string => field.toUpperCase().replaceAll(/\*\//g, `${first}/`);

/** Weekdays by number, 0 or 7 for Sunday, as Scheduler's 1 (Sunday) to 7 (Saturday); names are the same in both. */
function weekdays(field: string): string {
  return field
    .toUpperCase()
    .split(',')
    .map((part) => {
      const [range = '', step] = part.split('/');
      const [from = '', to] = range.split('-');
      // Scheduler's week begins on Sunday, so a range that ends with it has to be taken apart.
      if (to === '7' && step === undefined) return `${weekday(from)}-7,1`;
      const days = range === '*' ? '1' : [from, ...(to === undefined ? [] : [to])].map(weekday).join('-');
      return step === undefined ? days : `${days}/${step}`;
    })
    .join(',');
}

/** `5L` (the last Friday) and `1#2` (the second Monday) begin with a weekday too. */
const weekday = (text: string): string => text.replace(/^\d(?=$|L$|#)/, (number) => String((Number(number) % 7) + 1));
