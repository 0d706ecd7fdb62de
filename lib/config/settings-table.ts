import * as z from 'zod';
import { configSchema } from './schema.ts';

type Schema = {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
};
type Row = { readonly setting: string; readonly values: string; readonly fallback: string; readonly means: string };

/** Every setting of `holdfast.yaml` as a Markdown table, from the schema itself. It stands in docs/configuration.md; a test keeps it current. */
export function settingsTable(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Schema;
  const lines = rowsOf(schema, '').map(
    ({ setting, values, fallback, means }) => `| \`${setting}\` | ${values} | ${fallback} | ${means} |`,
  );
  return ['| setting | values | default | |', '| --- | --- | --- | --- |', ...lines, ''].join('\n');
}

/** The document with `table` between its marks. */
export function withSettingsTable(document: string, table: string): string {
  return document.replace(
    /(<!-- settings -->\n)[\s\S]*(<!-- \/settings -->)/,
    (_, begin: string, end: string) => `${begin}${table}${end}`,
  );
}

function rowsOf(schema: Schema, path: string): readonly Row[] {
  if (schema.properties) {
    return Object.entries(schema.properties).flatMap(([name, inner]) =>
      rowsOf(inner, path === '' ? name : `${path}.${name}`),
    );
  }
  const kinds = (schema.oneOf ?? []).filter(({ properties }) => properties);
  if (kinds.length > 0) return merged(kinds.map((kind) => ({ label: labelOf(kind), rows: rowsOf(kind, path) })));
  if (schema.items?.properties || schema.items?.oneOf) return rowsOf(schema.items, `${path}[]`);
  return [
    {
      setting: path,
      values: valuesOf(schema),
      fallback: schema.default === undefined || schema.default === '' ? '' : code(schema.default),
      means: (schema.description ?? '').replaceAll('|', '\\|'),
    },
  ];
}

type Branch = { readonly label: string; readonly rows: readonly Row[] };

/** What tells the branch of a choice from the others: the one value of its `kind` or `engine`. */
const labelOf = ({ properties }: Schema): string =>
  String(Object.values(properties ?? {}).find((property) => property.const !== undefined)?.const ?? '');

/**
 * The branches of a choice share its name: `store.kind` is one row with all of its values. Where they differ in more than that, each is told
 * with its branch.
 */
function merged(branches: readonly Branch[]): readonly Row[] {
  const settings = new Set(branches.flatMap(({ rows }) => rows.map(({ setting }) => setting)));
  return [...settings].map((setting) => {
    const found = branches.flatMap(({ label, rows }) =>
      rows.filter((row) => row.setting === setting).map((row) => ({ label, row })),
    );
    const isLabel = found.every(({ label, row }) => row.values === code(label));
    const told = (field: 'fallback' | 'means'): string => {
      const texts = new Set(found.map(({ row }) => row[field]));
      if (texts.size === 1 || isLabel) return [...texts].join('');
      const parts = found.filter(({ row }) => row[field] !== '').map(({ label, row }) => `${label}: ${row[field]}`);
      return parts.join('; ');
    };
    const values = new Set(found.flatMap(({ row }) => row.values.split(/, (?=`|\d|text|list)/)));
    return { setting, values: [...values].join(', '), fallback: told('fallback'), means: told('means') };
  });
}

function valuesOf(schema: Schema): string {
  const { type, minimum, maximum, exclusiveMinimum, items } = schema;
  const choices = schema.anyOf ?? schema.oneOf;
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum) return schema.enum.map(code).join(', ');
  if (choices) return choices.map(valuesOf).join(' or ');
  if (schema.properties) return `\`{ ${Object.keys(schema.properties).join(', ')} }\``;
  if (type === 'array') return `list of ${items ? valuesOf(items) : 'anything'}`;
  if (type === 'boolean') return '`true`, `false`';
  if (type !== 'integer' && type !== 'number') return type === 'string' ? 'text' : '';
  const least = minimum ?? (exclusiveMinimum === 0 && type === 'integer' ? 1 : undefined);
  const isBounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  if (least !== undefined && isBounded) return `${least} to ${maximum}`;
  return least !== undefined
    ? `${least} or more`
    : exclusiveMinimum === undefined
      ? 'number'
      : `more than ${exclusiveMinimum}`;
}

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
