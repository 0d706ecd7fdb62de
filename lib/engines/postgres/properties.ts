import { type Client, escapeIdentifier, escapeLiteral } from 'pg';
import type { DatabaseFacts } from './database-facts.ts';

/** `create database` with the source's encoding, locale and owner, for a server of `major`. */
export function createDatabaseStatement(name: string, facts: DatabaseFacts, major: number): string {
  const options = [
    'template template0',
    `encoding ${escapeLiteral(facts.encoding)}`,
    `lc_collate ${escapeLiteral(facts.collate)}`,
    `lc_ctype ${escapeLiteral(facts.ctype)}`,
    `owner ${escapeIdentifier(facts.owner)}`,
  ];
  // 15 was the first to choose a provider; what older servers have is libc.
  if (major >= 15) {
    const provider = { c: 'libc', i: 'icu', b: 'builtin' }[facts.localeProvider];
    options.push(`locale_provider ${provider}`);
    if (facts.localeProvider === 'i') options.push(`icu_locale ${escapeLiteral(facts.locale ?? '')}`);
    if (facts.localeProvider === 'b') options.push(`builtin_locale ${escapeLiteral(facts.locale ?? '')}`);
    if (facts.icuRules !== null) options.push(`icu_rules ${escapeLiteral(facts.icuRules)}`);
  }
  if (facts.tablespace !== 'pg_default') options.push(`tablespace ${escapeIdentifier(facts.tablespace)}`);
  return `create database ${escapeIdentifier(name)} ${options.join(' ')}`;
}

/** Settings whose value is a list of identifiers, already quoted in the catalog (GUC_LIST_QUOTE in the server's guc tables). */
const listSettings = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

/**
 * Gives the database what `alter database … set`, `grant … on database` and `security label` had given its source. The comment and
 * the connection limit are left to the swap: until then the comment is our marker, and a limit of 0 would lock us out.
 */
export async function applyProperties(client: Client, name: string, facts: DatabaseFacts): Promise<void> {
  for (const statement of propertyStatements(name, facts)) await client.query(statement);
}

function propertyStatements(name: string, facts: DatabaseFacts): string[] {
  const database = escapeIdentifier(name);
  const settings = facts.settings.map((setting) => {
    const whose = setting.role === null ? '' : `role ${escapeIdentifier(setting.role)} in `;
    const value = listSettings.has(setting.name.toLowerCase())
      ? splitList(setting.value).map(escapeLiteral).join(', ')
      : escapeLiteral(setting.value);
    return `alter ${whose}database ${database} set ${settingName(setting.name)} to ${value === '' ? `''` : value}`;
  });
  const labels = facts.securityLabels.map(
    ({ provider, label }) =>
      `security label for ${escapeIdentifier(provider)} on database ${database} is ${escapeLiteral(label)}`,
  );
  return [...settings, ...privilegeStatements(database, facts), ...labels];
}

/** `myapp.setting` is two identifiers. */
const settingName = (name: string) => name.split('.').map(escapeIdentifier).join('.');

function privilegeStatements(database: string, facts: DatabaseFacts): string[] {
  if (facts.privileges === null) return [];
  const grants = facts.privileges.flatMap((grant) => {
    const grantee = grant.grantee === null ? 'public' : escapeIdentifier(grant.grantee);
    const option = grant.isGrantable ? ' with grant option' : '';
    const statement = `grant ${grant.privilege} on database ${database} to ${grantee}${option}`;
    // A grant is the owner's unless its grantor had it with grant option and passed it on.
    if (grant.grantor === facts.owner) return [statement];
    return [`set role ${escapeIdentifier(grant.grantor)}`, statement, 'reset role'];
  });
  const owner = escapeIdentifier(facts.owner);
  return [`revoke all on database ${database} from public, ${owner}`, ...grants];
}

/** The identifiers of a list such as `"$user", public`. */
export function splitList(value: string): string[] {
  const items = value.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^\s",]+))\s*(?:,|$)/g);
  return [...items].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');
}

/** What the live database is beside its content, held against the facts: one sentence per difference. */
export function propertyDifferences(expected: DatabaseFacts, actual: DatabaseFacts): string[] {
  const names = expected.major === actual.major ? [...compared, ...comparedInOneMajor] : compared;
  const differences = names.flatMap((name) => {
    const [before, now] = [JSON.stringify(expected[name]), JSON.stringify(actual[name])];
    return before === now ? [] : [`database property '${name}' is ${now}, in the backup ${before}`];
  });
  const [before, now] = [extensionNames(expected), extensionNames(actual)];
  if (before !== now) differences.push(`extensions are ${now}, in the backup ${before}`);
  return differences;
}

/**
 * Left out with reason: versions, sizes, estimates and the moment belong to the source; versions of extensions and collations are
 * the destination's own; `roles` and `tablespaces` only say what a restore needs; comment, connection limit and template flag are
 * put in place by the swap, after the comparison.
 */
const compared = [
  'owner',
  'encoding',
  'localeProvider',
  'collate',
  'ctype',
  'privileges',
  'settings',
  'securityLabels',
  'hasPublicSchema',
] as const satisfies readonly (keyof DatabaseFacts)[];

/** From 16 on a server rewrites the names of ICU locales, `en_US` to `en-US`. */
const comparedInOneMajor = ['locale', 'icuRules'] as const satisfies readonly (keyof DatabaseFacts)[];

const extensionNames = (facts: DatabaseFacts) =>
  JSON.stringify(facts.extensions.map(({ name, schema }) => `${schema}.${name}`));
