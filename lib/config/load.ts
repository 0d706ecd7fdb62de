import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isNode, isPair, LineCounter, parseDocument } from 'yaml';
import type * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { type Format, type Tier, tierSchema } from '../core/vocabulary.ts';
import type { BackupEntry, HoldfastConfig, Target } from './config.ts';
import { defaultBackups } from './defaults.ts';
import { type Environment, overridesFrom, tierOverride } from './environment.ts';
import { mergeRetention, tierRetentionDays } from './retention.ts';
import { scheduleSchema } from './schedule-schema.ts';
import { configSchema, type ParsedConfig, type TargetInput } from './schema.ts';
import type { SecretReference } from './secret-reference.ts';
import { placedConnection } from './targets/application.ts';
import { formatsOf } from './targets/methods.ts';

type Problem = { readonly where: string; readonly line: number | undefined; readonly message: string };

/**
 * The configuration of `file` (YAML or JSON), overridden by `environment`. Throws `config-missing`, or `config-invalid` with every
 * problem on a line of its own: `holdfast.yaml:7: targets[0].connection.port: …`.
 */
export function loadConfig(file: string, environment: Environment): HoldfastConfig {
  const path = resolve(file);
  if (!existsSync(path)) throw new HoldfastError('config-missing', `no configuration file '${file}'`);
  return parseConfig(readFileSync(path, 'utf8'), { file, directory: dirname(path), environment });
}

/** As `loadConfig`, from text. Relative paths in it are taken from `directory`. */
export function parseConfig(
  text: string,
  {
    file,
    directory,
    environment,
  }: { readonly file: string; readonly directory: string; readonly environment: Environment },
): HoldfastConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw invalid(
      file,
      document.errors.map((error) => ({
        where: '',
        line: error.linePos?.[0].line,
        message: error.message.split('\n')[0] ?? error.message,
      })),
    );
  }

  const overrides = overridesFrom(environment);
  for (const { path, value } of overrides) document.setIn(path, value);
  if (overrides.some(({ path }) => path.join('.') === 'store.kind')) leaveOtherStore(document);
  const parsed = configSchema.safeParse(document.toJS());
  if (!parsed.success) {
    throw invalid(
      file,
      parsed.error.issues.flatMap(flattenUnion).map((issue): Problem => {
        const path = issue.path.filter((part) => typeof part !== 'symbol');
        const culprit = issue.code === 'unrecognized_keys' ? [...path, issue.keys[0] ?? ''] : path;
        const override = overrides.find((candidate) => isWithin(candidate.path, culprit));
        return {
          where: override ? `environment variable ${override.variable}` : pathText(culprit),
          line: override ? undefined : lineOf(document, lines, culprit),
          message:
            issue.code === 'unrecognized_keys'
              ? `unknown key ${issue.keys.map((key) => `'${key}'`).join(', ')}`
              : issue.message,
        };
      }),
    );
  }
  return complete(parsed.data, directory, environment, file);
}

/** Where the environment says what kind of store it is, the file's settings of the other kind have no meaning. */
function leaveOtherStore(document: ReturnType<typeof parseDocument>): void {
  const others = document.getIn(['store', 'kind']) === 's3' ? ['path'] : s3Settings;
  for (const name of others) document.deleteIn(['store', name]);
}

const s3Settings = ['bucket', 'region', 'endpoint', 'prefix', 'forcePathStyle'];

const isWithin = (path: readonly (string | number)[], culprit: readonly PropertyKey[]): boolean =>
  path.every((part, index) => part === culprit[index]);

function complete(parsed: ParsedConfig, directory: string, environment: Environment, file: string): HoldfastConfig {
  const { $schema: _, targets, ...rest } = parsed;
  const absolute = (path: string): string => resolve(directory, path);
  return deepFreeze({
    ...rest,
    store:
      rest.store.kind === 'file'
        ? { ...rest.store, path: absolute(rest.store.path) }
        : { ...rest.store, region: rest.store.region ?? rest.aws.region },
    catalog: rest.catalog.connection
      ? { connection: { ...rest.catalog.connection, ...absolutePassword(rest.catalog.connection.password, directory) } }
      : {},
    encryption: { ...rest.encryption, keyFile: absolute(rest.encryption.keyFile) },
    targets: targets.map((target) => completeTarget(target, directory, parsed, environment, file)),
  });
}

/** An entry as every engine has it; which methods and formats there are, the engine's schema has checked. */
type EntryInput = Omit<BackupEntry, 'name' | 'format' | 'retentionDays'> & {
  readonly format?: Format | undefined;
  readonly retention?: number | undefined;
};
/** What the connections of several engines have, and what stands for a file relative to the configuration's in any of them. */
type UsualConnection = Readonly<Record<string, unknown>> & {
  readonly password?: SecretReference | undefined;
  readonly sslrootcert?: string | undefined;
};

const usualEntry = { timezone: 'UTC', enabled: true } as const;

function completeTarget(
  target: TargetInput,
  directory: string,
  parsed: ParsedConfig,
  environment: Environment,
  file: string,
): Target {
  const entries: readonly EntryInput[] =
    target.backups ?? defaultBackups[target.engine].map((entry) => ({ ...usualEntry, ...entry }));
  const retentionOf = (tier: Tier, own: number | undefined): number =>
    retentionOverride(target, tier, environment, file) ?? own ?? tierRetentionDays[tier];
  const connection: UsualConnection =
    target.engine === 'application' ? placedConnection(target.connection, { directory, file }) : target.connection;
  return {
    ...target,
    connection: {
      ...connection,
      ...absolutePassword(connection.password, directory),
      ...rootCertificates(target.name, connection, { directory, file }),
    },
    retention: mergeRetention(target.retention, parsed.retention),
    rtoMinutes: target.rtoMinutes ?? parsed.recovery.rtoMinutes,
    rpoHours: target.rpoHours ?? parsed.recovery.rpoHours,
    retentionDays: Object.fromEntries(
      tierSchema.options.map((tier) => [
        tier,
        retentionOf(tier, entries.find((entry) => entry.tier === tier)?.retention),
      ]),
    ) as Target['retentionDays'],
    backups: entries.map((entry): BackupEntry => {
      const schedule = tierOverride(environment, target.engine, entry.tier, 'SCHEDULE');
      return {
        name: `${target.name}-${entry.tier}-${entry.method}`,
        tier: entry.tier,
        method: entry.method,
        format: entry.format ?? (formatsOf(target.engine, entry.method)[0] as Format),
        schedule: schedule === undefined ? entry.schedule : checkedSchedule(schedule, file),
        timezone: entry.timezone,
        retentionDays: retentionOf(entry.tier, entry.retention),
        enabled: entry.enabled,
      };
    }),
  };
}

/** The certificates themselves instead of their file, which would not be there where the task runs. They are no secret. */
function rootCertificates(
  name: string,
  { sslrootcert }: UsualConnection,
  { directory, file }: { readonly directory: string; readonly file: string },
): { readonly sslrootcert?: string } {
  if (sslrootcert === undefined || sslrootcert === 'system') return {};
  try {
    const text = readFileSync(resolve(directory, sslrootcert), 'utf8');
    if (text.includes('-----BEGIN CERTIFICATE-----')) return { sslrootcert: text.slice(text.indexOf('-----BEGIN')) };
  } catch {
    // Said below, with the setting's name.
  }
  const message = `'${sslrootcert}' is no readable PEM file with certificates`;
  throw invalid(file, [{ where: `target '${name}': connection.sslrootcert`, line: undefined, message }]);
}

function absolutePassword(
  password: SecretReference | undefined,
  directory: string,
): { readonly password: SecretReference } | Record<string, never> {
  if (password === undefined) return {};
  return { password: 'file' in password ? { file: resolve(directory, password.file) } : password };
}

function retentionOverride(
  target: TargetInput,
  tier: Tier,
  environment: Environment,
  file: string,
): number | undefined {
  const override = tierOverride(environment, target.engine, tier, 'RETENTION');
  if (override === undefined) return undefined;
  if (/^[1-9]\d{0,4}$/.test(override.text)) return Number(override.text);
  throw invalid(file, [
    {
      where: `environment variable ${override.variable}`,
      line: undefined,
      message: `'${override.text}' is not a number of days`,
    },
  ]);
}

function checkedSchedule(
  { variable, text }: { readonly variable: string; readonly text: string },
  file: string,
): string {
  const entry = scheduleSchema.safeParse(text);
  if (entry.success) return entry.data;
  throw invalid(
    file,
    entry.error.issues.map((issue) => ({
      where: `environment variable ${variable}`,
      line: undefined,
      message: issue.message,
    })),
  );
}

/** A union's complaint is the complaints of its branches; the one that got furthest says most. */
function flattenUnion(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
  // A message of the schema's own says more than what each branch misses.
  if (
    issue.message !== 'Invalid input' &&
    issue.errors.every((branch) => branch.every(({ path }) => path.length === 0))
  )
    return [issue];
  const deepest = issue.errors.toSorted((a, b) => a.length - b.length)[0] ?? [];
  if (deepest.every((inner) => inner.path.length === 0 && inner.code !== 'unrecognized_keys')) {
    return [
      {
        ...issue,
        message: issue.errors.flatMap((branch) => branch.map((inner) => inner.message)).join(', or '),
      } as z.core.$ZodIssue,
    ];
  }
  return deepest.flatMap((inner) =>
    flattenUnion({ ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue),
  );
}

function lineOf(
  document: ReturnType<typeof parseDocument>,
  lines: LineCounter,
  path: readonly PropertyKey[],
): number | undefined {
  for (let depth = path.length; depth >= 0; depth--) {
    const parent = depth === 0 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    if (depth > 0 && isNode(parent) && 'items' in parent) {
      for (const item of parent.items as unknown[]) {
        if (isPair(item) && isNode(item.key) && String(item.key) === String(path[depth - 1]) && item.key.range)
          return lines.linePos(item.key.range[0]).line;
      }
    }
    const node = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );

function invalid(file: string, problems: readonly Problem[]): HoldfastError {
  const listed = problems.map(
    ({ where, line, message }) =>
      `  ${line === undefined ? '' : `${file}:${line}: `}${where === '' ? '' : `${where}: `}${message}`,
  );
  return new HoldfastError(
    'config-invalid',
    `configuration '${file}' has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${listed.join('\n')}`,
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(Object.freeze(value))) deepFreeze(inner);
  return value;
}
