import { asJsonObject, type Json } from '../../lib/local/json.ts';
import type { Policies, Role, Statement } from './policies.ts';

/** Every role and what it may do, as a Markdown table, from the synthesized policies. It stands in docs/security.md; a test keeps it current. */
export function roleTable({ roles, model }: Policies): string {
  const bucket = model.buckets[0]?.arn ?? '';
  const rows = roles.map((role) => `| \`${shortName(role)}\` | ${purpose(role)} | ${rights(role, bucket)} |`).sort();
  return ['| role | for | may |', '| --- | --- | --- |', ...rows, ''].join('\n');
}

/** The document with `table` between its marks. */
export function withRoleTable(document: string, table: string): string {
  return document.replace(
    /(<!-- roles -->\n)[\s\S]*(<!-- \/roles -->)/,
    (_, begin: string, end: string) => `${begin}${table}${end}`,
  );
}

/** Without the hash that CDK puts behind it. */
function shortName({ name }: Role): string {
  return (name.split('/')[1] ?? name).replace(/(Role)?[0-9A-F]{8}$/, '');
}

function purpose({ description, trusted }: Role): string {
  return description === ''
    ? `made by CDK for \`${trusted[0]?.split('.')[0]}\``
    : description.replace(/^Holdfast: /, '');
}

function rights({ statements, managedPolicies }: Role, bucket: string): string {
  const told = statements.filter(({ effect, sid }) => effect === 'Allow' && sid !== 'WriteOwnLog');
  const managed = managedPolicies.map((arn) => `what \`${arn.split('/').at(-1)}\` allows`);
  return [...told.map((statement) => right(statement, bucket)), ...managed].join('<br>') || 'nothing else';
}

function right({ actions, resources, conditions }: Statement, bucket: string): string {
  const on = resources.map((resource) => shortResource(resource, bucket));
  const when = Object.values(conditions).flatMap((keys) =>
    Object.entries(asJsonObject(keys)).map(([key, value]) => `\`${key}\` is ${[value].flat().map(code).join(' or ')}`),
  );
  const condition = when.length === 0 ? '' : ` when ${when.join(' and ')}`;
  return `${actions.map(code).join(', ')} on ${on.join(', ')}${condition}`;
}

function shortResource(arn: string, bucket: string): string {
  if (arn === '*') return 'everything';
  if (arn === bucket) return 'the bucket';
  if (arn.startsWith(`${bucket}/`)) return code(arn.slice(bucket.length + 1));
  const resource = arn.split(':').slice(5).join(':');
  if (arn.startsWith('arn:aws:kms:')) return 'the key';
  return code(resource.replaceAll(/(?:holdfast-[a-z]+-)?([A-Za-z]+?)[0-9A-F]{8}(?=$|[:/])/g, '$1'));
}

const code = (value: Json): string => `\`${String(value)}\``;
