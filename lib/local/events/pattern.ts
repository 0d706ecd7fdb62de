import { HoldfastError } from '../../core/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';

/** Whether an event matches an EventBridge pattern. Throws `assembly-unsupported` at a matcher that is not known here. */
export function matchesPattern(pattern: JsonObject, event: JsonObject): boolean {
  return Object.entries(pattern).every(([key, expected]) => {
    if (key === '$or' && Array.isArray(expected))
      return expected.some((choice: Json) => isJsonObject(choice) && matchesPattern(choice, event));
    const actual = event[key];
    if (Array.isArray(expected)) return matchesAny(expected as Json[], actual);
    if (!isJsonObject(expected)) return false;
    return matchesPattern(expected, isJsonObject(actual) ? actual : {});
  });
}

function matchesAny(expected: readonly Json[], actual: Json | undefined): boolean {
  const values: readonly (Json | undefined)[] = Array.isArray(actual) ? (actual as Json[]) : [actual];
  return expected.some((matcher) => values.some((value) => matches(matcher, value)));
}

function matches(matcher: Json, value: Json | undefined): boolean {
  if (!isJsonObject(matcher)) return matcher === value;
  const [name = '', argument = null] = Object.entries(matcher)[0] ?? [];
  const text = typeof value === 'string' ? value : undefined;
  switch (name) {
    case 'exists':
      return (value !== undefined) === argument;
    case 'prefix':
      return text?.startsWith(String(argument)) ?? false;
    case 'suffix':
      return text?.endsWith(String(argument)) ?? false;
    case 'equals-ignore-case':
      return text?.toLowerCase() === String(argument).toLowerCase();
    case 'anything-but':
      return value !== undefined && ![argument].flat().some((refused) => matches(refused as Json, value));
    case 'numeric':
      return typeof value === 'number' && Array.isArray(argument) && compares(argument as Json[], value);
    default:
      throw new HoldfastError('assembly-unsupported', `event patterns: the matcher '${name}' is not known here`);
  }
}

/** `['>', 0, '<=', 5]`: pairs of comparison and number that all hold. */
function compares([operator, limit, ...rest]: readonly Json[], value: number): boolean {
  const bound = Number(limit);
  const holds =
    operator === '>'
      ? value > bound
      : operator === '>='
        ? value >= bound
        : operator === '<'
          ? value < bound
          : operator === '<='
            ? value <= bound
            : value === bound;
  return holds && (rest.length === 0 || compares(rest, value));
}
