import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const migrationsFolder = path.join(import.meta.dirname, '../sql/migrations');
const moduleFile = path.join(import.meta.dirname, '../lib/catalog/migrations.ts');

/**
 * The text of lib/catalog/migrations.ts: the files of sql/migrations as a module, so that Node and a bundle load them alike. Throws
 * when the files are not numbered 1, 2, 3 … without a gap.
 */
export function sqlModule(): string {
  const entries = readdirSync(migrationsFolder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file, index) => {
      const [, number, name] = /^(\d{6})_([a-z0-9_]+)\.sql$/.exec(file) ?? [];
      if (Number(number) !== index + 1 || name === undefined) {
        throw new Error(`'${file}' stands where migration ${index + 1} should`);
      }
      const sql = readFileSync(path.join(migrationsFolder, file), 'utf8').replaceAll(/[`\\]|\$\{/g, '\\$&');
      return `  {\n    version: ${index + 1},\n    name: '${name}',\n    sql: \`${sql}\`,\n  },\n`;
    });
  return [
    '// Generated from sql/migrations by scripts/build-sql-module.ts.\n\n',
    "/** One step of the catalog's schema. `version` counts from 1 without gaps. */\n",
    'export type Migration = { readonly version: number; readonly name: string; readonly sql: string };\n\n',
    '/** All of them, in order. */\n',
    `export const migrations: readonly Migration[] = [\n${entries.join('')}];\n`,
  ].join('');
}

if (import.meta.main) writeFileSync(moduleFile, sqlModule());
