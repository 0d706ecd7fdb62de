import { isJsonObject, type Json } from './json.ts';

/** Variables of this machine that every program gets: where tools and folders are. Nothing else of the stack's own environment. */
const inherited = [
  'HOLDFAST_CACHE',
  'HOLDFAST_PG_BIN',
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

/** Where the AWS SDKs look for credentials, and the chain's settings. */
const credentialVariables = [
  'AWS_ACCESS_KEY_ID',
  'AWS_CONFIG_FILE',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_PROFILE',
  'AWS_ROLE_ARN',
  'AWS_ROLE_SESSION_NAME',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
] as const;

/** The variables of `source` by which programs find this machine's own AWS credentials. */
export function credentialEnvironment(source: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    credentialVariables.flatMap((name) => (source[name] === undefined ? [] : [[name, source[name]]])),
  );
}
