import { writeFileSync } from 'node:fs';
import { newCatalog } from '../test/catalog/catalog-database.ts';
import { schemaDump, schemaFile } from '../test/catalog/schema-dump.ts';
import { postgresServer } from '../test/servers/postgres.ts';

/** Writes sql/schema.sql: what the migrations result in on a new server. */
await using server = await postgresServer({ major: 17 });
await using catalog = await newCatalog(server);
writeFileSync(schemaFile, await schemaDump(server, catalog.database));
