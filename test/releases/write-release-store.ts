// node test/releases/write-release-store.ts: the store of a small installation as this version writes it, into fixtures/<version>.
// Run it once for a release, and never change what it wrote: every later version has to restore it (releases.test.ts).
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { holdfastVersion } from '../../lib/version.ts';
import { rawDirectory } from '../campaign/store-contents.ts';
import { takeBackup } from '../e2e/take-backup.ts';
import { run } from '../engines/postgres/run-engine.ts';
import { postgresServer } from '../servers/postgres.ts';

const folder = join(import.meta.dirname, 'fixtures', holdfastVersion);
await using server = await postgresServer({ major: 17 });
await run(server, 'postgres', 'create database shop');
await run(
  server,
  'shop',
  `create table item (id integer primary key, name text not null, price numeric(10, 2));
   insert into item select n, 'item ' || n, n * 1.25 from generate_series(1, 200) n;
   create view dear as select * from item where price > 100;
   select lo_from_bytea(0, '\\x00ff00ff')`,
);

await rm(folder, { recursive: true, force: true });
const backups: object[] = [];
for (const [name, settings] of Object.entries({
  'gcm-zstd': 'encryption: { keys: key-file }',
  'cbc-gzip': 'encryption: { keys: key-file, algorithm: aes-256-cbc }\ncompression: { algorithm: gzip }',
  'plain-none': 'encryption: { keys: none }\ncompression: { algorithm: none }',
})) {
  await using backup = await takeBackup(server, settings);
  const store = join(folder, name, 'store');
  await mkdir(store, { recursive: true });
  for (const [key, bytes] of await rawDirectory(join(backup.folder, 'vault')).readAll())
    await rawDirectory(store).write(key, bytes);
  if (backup.manifest.encryption.wrappedKey)
    await cp(join(backup.folder, 'holdfast.key'), join(folder, name, 'key-file.json'));
  const shop = backup.manifest.streams.find(({ name: database }) => database === 'shop');
  backups.push({ name, backupId: backup.manifest.backupId, tables: shop?.content?.tables ?? [] });
}
await writeFile(join(folder, 'expected.json'), `${JSON.stringify(backups, null, 2)}\n`);
