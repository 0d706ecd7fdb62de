import { isDate, isDateTime, isDuration, isLocalDateTime, isLocalTime, isPoint, isTime } from 'neo4j-driver';
import { HoldfastError } from '../../../core/errors.ts';
import { epochSecondOf, offsetText } from './epoch.ts';
import { escapeOf, quoteName } from './names.ts';

/**
 * A property value as a Cypher literal on one line. Two values that Neo4j takes for the same give the same text, on every server and version.
 * `value` is as the driver gives it with `useBigInt`. Throws `dump-failed` for a type that no literal stands for.
 */
export function literalOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return textLiteral(value);
    case 'bigint':
      return value.toString();
    case 'number':
      return floatLiteral(value);
    case 'boolean':
      return value ? 'true' : 'false';
    default:
      return objectLiteral(value);
  }
}

/** The properties of a node or relationship as a map, its keys in the order of their code units. */
export function propertiesLiteral(properties: Readonly<Record<string, unknown>>): string {
  const keys = Object.keys(properties);
  if (!isSorted(keys)) keys.sort();
  let text = '{';
  for (const key of keys) text += `${text === '{' ? '' : ','}${quoteName(key)}:${literalOf(properties[key])}`;
  return `${text}}`;
}

function isSorted(keys: readonly string[]): boolean {
  for (let index = 1; index < keys.length; index++) if ((keys[index - 1] ?? '') > (keys[index] ?? '')) return false;
  return true;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to be found
const unsafe = /[\\'\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/;
const allUnsafe = new RegExp(unsafe, 'g');

/** A text in single quotation marks. */
export const textLiteral = (text: string): string =>
  unsafe.test(text) ? `'${text.replaceAll(allUnsafe, (found) => escapes[found] ?? escapeOf(found))}'` : `'${text}'`;

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', "'": "\\'", '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function floatLiteral(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value).replace('e+', 'e');
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function objectLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literalOf).join(',')}]`;
  // Cypher has no literal for a byte array. Where the comment is not understood it becomes a list of integers.
  if (value instanceof Int8Array) return `/*bytes*/[${value.join(',')}]`;
  if (isDate(value)) return `date('${value.toString()}')`;
  if (isLocalTime(value)) return `localtime('${value.toString()}')`;
  if (isLocalDateTime(value)) return `localdatetime('${value.toString()}')`;
  if (isTime(value)) {
    const { hour, minute, second, nanosecond } = value;
    const zone = offsetText(value.timeZoneOffsetSeconds);
    return `time({hour:${hour},minute:${minute},second:${second},nanosecond:${nanosecond},timezone:'${zone}'})`;
  }
  if (isDateTime(value)) {
    // The moment and the zone: a local time would mean two moments when the clocks go back, and another one when a zone's rules change.
    const zone = value.timeZoneId ?? offsetText(value.timeZoneOffsetSeconds ?? 0);
    return `datetime({epochSeconds:${epochSecondOf(value)},nanosecond:${value.nanosecond},timezone:${textLiteral(zone)}})`;
  }
  if (isDuration(value)) {
    const { months, days, seconds, nanoseconds } = value;
    return `duration({months:${months},days:${days},seconds:${seconds},nanoseconds:${nanoseconds}})`;
  }
  if (isPoint(value)) {
    const third = value.z === undefined ? '' : `,z:${floatLiteral(Number(value.z))}`;
    return `point({srid:${value.srid},x:${floatLiteral(value.x)},y:${floatLiteral(value.y)}${third}})`;
  }
  const type = value === null ? 'null' : (value as object | undefined)?.constructor?.name;
  throw new HoldfastError('dump-failed', `a property has the type '${type}', which no Cypher literal stands for`, {
    hint: 'is there a newer Holdfast that knows this type? A dump (neo4j-admin) holds every type',
  });
}
