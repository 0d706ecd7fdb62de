import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  backupStatusSchema,
  engineSchema,
  tierSchema,
  validationStatusSchema,
  validationTypeSchema,
  verificationStatusSchema,
} from '../../lib/core/vocabulary.ts';
import { sqlModule } from '../../scripts/build-sql-module.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { newCatalog } from './catalog-database.ts';
import { schemaDump, schemaFile } from './schema-dump.ts';

let server: PostgresServer;
before(async () => {
  server = await postgresServer({ major: 17 });
});
after(() => server[Symbol.asyncDispose]());

test('the module that carries the migrations is that of sql/migrations', () => {
  const written = readFileSync(path.join(import.meta.dirname, '../../lib/catalog/migrations.ts'), 'utf8');

  assert.equal(written, sqlModule(), 'run scripts/build-sql-module.ts');
});

test('sql/schema.sql is what the migrations result in', async () => {
  await using catalog = await newCatalog(server);

  const dump = await schemaDump(server, catalog.database);

  assert.equal(dump, readFileSync(schemaFile, 'utf8'), 'run scripts/dump-catalog-schema.ts');
});

test('the check constraints allow the words of the vocabulary and no others', async () => {
  await using catalog = await newCatalog(server);

  const { rows } = await catalog.owner.query<{ conname: string; words: string[] }>(
    `select conname, array(select m[1] from regexp_matches(pg_get_constraintdef(oid), '''([^'']+)''', 'g') as m) as words
     from pg_constraint
     where contype = 'c' and conname like any (array['%\\_known'])`,
  );

  const words = new Map(rows.map((row) => [row.conname, row.words]));
  assert.deepEqual(words.get('backup_execution_s_engine_known'), engineSchema.options);
  assert.deepEqual(words.get('backup_schedule_s_engine_known'), engineSchema.options);
  assert.deepEqual(words.get('backup_execution_s_tier_known'), tierSchema.options);
  assert.deepEqual(words.get('backup_schedule_s_tier_known'), tierSchema.options);
  assert.deepEqual(words.get('backup_execution_s_status_known'), backupStatusSchema.options);
  assert.deepEqual(words.get('backup_execution_s_verification_known'), verificationStatusSchema.options);
  assert.deepEqual(words.get('validation_results_type_known'), validationTypeSchema.options);
  assert.deepEqual(words.get('validation_results_status_known'), validationStatusSchema.options);
});
