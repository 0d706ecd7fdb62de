import { readFileSync, writeFileSync } from 'node:fs';
import { configJsonSchema } from '../lib/config/json-schema.ts';
import { settingsTable, withSettingsTable } from '../lib/config/settings-table.ts';

writeFileSync('holdfast.schema.json', configJsonSchema());
const document = 'docs/configuration.md';
writeFileSync(document, withSettingsTable(readFileSync(document, 'utf8'), settingsTable()));
