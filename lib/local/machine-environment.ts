import { isJsonObject, type Json } from './json.ts';

/** Variables of this machine that every program gets: where tools and folders are. Nothing else of the stack's own environment. */
const inherited = [
  'HOLDFAST_CACHE',
  'HOLDFAST_PG_BIN',
  'HOLDFAST_REDIS_BIN',
  'HOME',
  'LANG',
  'LC_ALL',
  'PATH',
  'TMPDIR',
  'USER',
  'XDG_CACHE_HOME',
] as const;

/**
 * What programs get of the stack's environment `source`: the variables above, and those that the configuration's `{ env: NAME }`
 * references name, which on one machine take the place of secrets.
 */
export function machineEnvironment(
  config: unknown,
  source: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const names = [...inherited, ...referencedVariables(config as Json)];
  return Object.fromEntries(names.flatMap((name) => (source[name] === undefined ? [] : [[name, source[name]]])));
}

function referencedVariables(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap((item: Json) => referencedVariables(item));
  if (!isJsonObject(value)) return [];
  const { env } = value;
  if (typeof env === 'string' && Object.keys(value).length === 1) return [env];
  return Object.values(value).flatMap(referencedVariables);
}
