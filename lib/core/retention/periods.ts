import type { KeepCounts } from './policy.ts';

const dayMs = 86_400_000;

type Period = {
  readonly counted: keyof Omit<KeepCounts, 'last'>;
  readonly name: string;
  /** The period that a time lies in, as people write it. Periods sort as their text does. */
  readonly of: (time: number) => string;
};

const day = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** `2026-W47`: weeks begin on Monday, and belong to the year that their Thursday is in (ISO 8601). */
function week(time: number): string {
  const sinceMonday = (new Date(time).getUTCDay() + 6) % 7;
  const thursday = new Date(time + (3 - sinceMonday) * dayMs);
  const year = thursday.getUTCFullYear();
  const number = 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / dayMs / 7);
  return `${year}-W${String(number).padStart(2, '0')}`;
}

/** The periods that backups are kept by. All are of UTC: a period has to be the same whoever asks, and wherever. */
export const periods: readonly Period[] = [
  { counted: 'daily', name: 'day', of: day },
  { counted: 'weekly', name: 'week', of: week },
  { counted: 'monthly', name: 'month', of: (time) => day(time).slice(0, 7) },
  { counted: 'yearly', name: 'year', of: (time) => day(time).slice(0, 4) },
];
