import { type EngineName, engineSchema, type Tier, tierSchema } from '../core/vocabulary.ts';

/**
 * The environment variables that override the file (the names are fixed). Each row says which setting it sets, and how its text becomes that
 * setting's value; the schema then judges the value as if it stood in the file, and a complaint names the variable.
 */
type Override = {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
};
type Row = (text: string, environment: Environment) => readonly Override[];

export type Environment = Readonly<Record<string, string | undefined>>;

const number = (text: string): unknown => (text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text));
const boolean = (text: string): unknown =>
  ({ true: true, yes: true, on: true, '1': true, false: false, no: false, off: false, '0': false })[
    text.toLowerCase()
  ] ?? text;

const set =
  (path: readonly string[], convert: (text: string) => unknown = (text) => text): Row =>
  (text) => [{ path, value: convert(text) }];

const rows: Readonly<Record<string, Row>> = {
  BACKUP_COMPRESSION: set(
    ['compression', 'algorithm'],
    (text) => ({ true: 'zstd', false: 'none' })[text.toLowerCase()] ?? text,
  ),
  BACKUP_ENCRYPTION: (text) =>
    boolean(text) === false || text === 'none'
      ? [{ path: ['encryption', 'keys'], value: 'none' }]
      : boolean(text) === true
        ? []
        : [{ path: ['encryption', 'algorithm'], value: text.toLowerCase() }],
  BACKUP_TIMEOUT: set(['run', 'timeoutSeconds'], number),
  COMPRESSION_LEVEL: set(['compression', 'level'], number),
  PARALLEL_JOBS: set(['run', 'parallelJobs'], number),
  CLEANUP_ENABLED: set(['run', 'cleanup'], boolean),
  VALIDATION_ENABLED: set(['run', 'validation'], boolean),
  BACKUP_S3_ENABLED: (text) => {
    const enabled = boolean(text);
    return [{ path: ['store', 'kind'], value: enabled === true ? 's3' : enabled === false ? 'file' : text }];
  },
  AWS_S3_BUCKET: set(['store', 'bucket']),
  AWS_S3_REGION: set(['store', 'region']),
  BACKUP_EMAIL_ENABLED: (text) => (boolean(text) === false ? [{ path: ['alerts', 'emails'], value: [] }] : []),
  BACKUP_EMAIL_TO: (text, environment) =>
    boolean(environment['BACKUP_EMAIL_ENABLED'] ?? 'true') === false
      ? []
      : [{ path: ['alerts', 'emails'], value: text.split(',').map((address) => address.trim()) }],
  WEBHOOK_URL: set(['alerts', 'webhook']),
  RECOVERY_RTO_MINUTES: set(['recovery', 'rtoMinutes'], number),
  RECOVERY_RPO_HOURS: set(['recovery', 'rpoHours'], number),
  PARALLEL_RECOVERY: set(['recovery', 'parallel'], boolean),
  RECOVERY_MODE: set(['recovery', 'mode']),
};

/** Every setting that the environment overrides, with the variable that does. */
export function overridesFrom(environment: Environment): readonly (Override & { readonly variable: string })[] {
  return Object.entries(rows).flatMap(([variable, row]) => {
    const text = environment[variable];
    return text === undefined ? [] : row(text, environment).map((override) => ({ ...override, variable }));
  });
}

/** A schedule or retention for all backups of an engine and tier: `POSTGRES_DAILY_SCHEDULE`, `POSTGRES_DAILY_RETENTION` (days). */
export function tierOverride(
  environment: Environment,
  engine: EngineName,
  tier: Tier,
  what: 'SCHEDULE' | 'RETENTION',
): { readonly variable: string; readonly text: string } | undefined {
  const variable = `${engine}_${tier}_${what}`.toUpperCase();
  const text = environment[variable];
  if (text !== undefined) return { variable, text };
  // One number for every tier would cut short what must be kept for seven years, so compliance is exempt.
  const general = environment['BACKUP_RETENTION_DAYS'];
  return what === 'RETENTION' && general !== undefined && tier !== 'compliance'
    ? { variable: 'BACKUP_RETENTION_DAYS', text: general }
    : undefined;
}

/** All variables that configuration reads, for documentation and for handing on to a child that synthesizes. */
export const environmentVariables: readonly string[] = [
  'BACKUP_RETENTION_DAYS',
  ...Object.keys(rows),
  ...engineSchema.options.flatMap((engine) =>
    tierSchema.options
      .filter((tier) => tier === 'daily' || tier === 'weekly' || tier === 'monthly')
      .flatMap((tier) => [`${engine}_${tier}_SCHEDULE`.toUpperCase(), `${engine}_${tier}_RETENTION`.toUpperCase()]),
  ),
];

/** This process's own environment: what a child that loads the configuration by itself has to be given. */
export function ownEnvironment(): Environment {
  return process.env;
}

/** Where AWS clients of this process look when nothing else names a region; on AWS the platform has set it. */
export function useRegion(region: string): void {
  process.env['AWS_REGION'] ??= region;
}
