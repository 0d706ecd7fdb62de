import { DateTime } from 'neo4j-driver';

type Whole = bigint | number | { toString(): string };

const whole = (value: Whole): bigint => BigInt(value.toString());

/** Days from 1970-01-01 to a day of the proleptic Gregorian calendar, by the formula of "chrono-compatible low-level date algorithms". */
function daysFromCivil(year: bigint, month: bigint, day: bigint): bigint {
  const shifted = month <= 2n ? year - 1n : year;
  const era = (shifted >= 0n ? shifted : shifted - 399n) / 400n;
  const yearOfEra = shifted - era * 400n;
  const dayOfYear = (153n * (month + (month > 2n ? -3n : 9n)) + 2n) / 5n + day - 1n;
  const dayOfEra = yearOfEra * 365n + yearOfEra / 4n - yearOfEra / 100n + dayOfYear;
  return era * 146_097n + dayOfEra - 719_468n;
}

/** The year, month and day that many days after 1970-01-01; the other way round. */
function civilFromDays(days: bigint): readonly [bigint, bigint, bigint] {
  const shifted = days + 719_468n;
  const era = (shifted >= 0n ? shifted : shifted - 146_096n) / 146_097n;
  const dayOfEra = shifted - era * 146_097n;
  const yearOfEra = (dayOfEra - dayOfEra / 1460n + dayOfEra / 36_524n - dayOfEra / 146_096n) / 365n;
  const dayOfYear = dayOfEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n);
  const monthIndex = (5n * dayOfYear + 2n) / 153n;
  const month = monthIndex + (monthIndex < 10n ? 3n : -9n);
  const year = yearOfEra + era * 400n + (month <= 2n ? 1n : 0n);
  return [year, month, dayOfYear - (153n * monthIndex + 2n) / 5n + 1n];
}

/** The moment in a zone, for the driver to send. What it sends is the moment: with a zone's name, any offset that gives it will do. */
export function dateTimeOf(epochSecond: bigint, nanosecond: bigint, zone: string): DateTime<bigint & number> {
  const offset = offsetOf(zone);
  const local = epochSecond + (offset ?? 0n);
  const secondOfDay = ((local % 86_400n) + 86_400n) % 86_400n;
  const [year, month, day] = civilFromDays((local - secondOfDay) / 86_400n);
  const fields = [year, month, day, secondOfDay / 3600n, (secondOfDay % 3600n) / 60n, secondOfDay % 60n, nanosecond];
  const [y = 0n, mo = 0n, d = 0n, h = 0n, mi = 0n, s = 0n, n = 0n] = fields;
  return new DateTime(y, mo, d, h, mi, s, n, offset ?? 0n, offset === undefined ? zone : null) as never;
}

/** Seconds of `Z` or `+01:30:15`; undefined for the name of a zone. */
export function offsetOf(zone: string): bigint | undefined {
  if (zone === 'Z') return 0n;
  const match = /^([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(zone);
  if (match === null) return undefined;
  const [, sign, hours = '', minutes = '', seconds = '0'] = match;
  const size = BigInt(Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
  return sign === '-' ? -size : size;
}

/** Seconds from 1970-01-01T00:00:00Z to that moment. */
export function epochSecondOf(value: DateTime<Whole & number> | DateTime): bigint {
  const days = daysFromCivil(whole(value.year), whole(value.month), whole(value.day));
  const local = days * 86_400n + whole(value.hour) * 3600n + whole(value.minute) * 60n + whole(value.second);
  return local - whole(value.timeZoneOffsetSeconds ?? 0);
}

/** `Z`, `+01:00`, `-00:30`, `+01:30:15`. */
export function offsetText(offsetSeconds: Whole): string {
  const seconds = Number(offsetSeconds.toString());
  if (seconds === 0) return 'Z';
  const size = Math.abs(seconds);
  const parts = [Math.floor(size / 3600), Math.floor((size % 3600) / 60), size % 60];
  const shown = parts[2] === 0 ? parts.slice(0, 2) : parts;
  return `${seconds < 0 ? '-' : '+'}${shown.map((part) => String(part).padStart(2, '0')).join(':')}`;
}
