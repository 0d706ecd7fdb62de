import path from 'node:path';
import type { BackupId } from '../../../lib/core/ids.ts';
import type { Manifest, StreamRecord } from '../../../lib/core/manifest.ts';
import type { BackupReader } from '../../../lib/engines/engine.ts';
import type { PostgresServer } from '../../servers/postgres.ts';
import { run, session } from './run-engine.ts';

/** A backup of a chain: its streams, and how one is read. */
export type Link = {
  readonly records: readonly StreamRecord[];
  read(record: StreamRecord): AsyncIterable<Uint8Array>;
};

/** Reads the last of the backups, each of which builds on the one before it. */
export function readerOf(links: readonly Link[]): BackupReader {
  const idOf = (index: number) => `20261121T02000${index}Z-9f3c2a1b` as BackupId;
  const manifests = links.map(
    ({ records }, index) =>
      ({
        ...{ backupId: idOf(index), parent: index === 0 ? null : idOf(index - 1), status: 'complete', source: {} },
        endedAt: `2026-11-21T02:0${index}:30.000Z`,
        streams: records,
      }) as unknown as Manifest,
  );
  const indexOf = (id: BackupId): number => manifests.findIndex(({ backupId }) => backupId === id);
  return {
    manifest: manifests.at(-1) as Manifest,
    ancestor: async (id) => manifests[indexOf(id)] as Manifest,
    async *read(id, record) {
      const link = links[indexOf(id)];
      if (link) yield* link.read(record);
    },
  };
}

/** A tablespace in a folder beside the server's own. */
export async function makeTablespace(server: PostgresServer, name: string): Promise<void> {
  const folder = path.join(server.dataDir, '..', name);
  await run(server, 'postgres', `copy (select 1) to program 'mkdir -m 700 ${folder}'`);
  await run(server, 'postgres', `create tablespace ${name} location '${folder}'`);
}

/** Tables to be backed up and changed, one of them in a tablespace of its own. */
export async function makeTables(server: PostgresServer): Promise<void> {
  await makeTablespace(server, 'fast');
  await run(
    server,
    'postgres',
    `create table wide as select n as id, repeat(md5(n::text), 40) as text, 0 as version from generate_series(1, 20000) n;
     create table quick (id int primary key, version int) tablespace fast; insert into quick select n, 0 from generate_series(1, 5000) n`,
  );
}

/** What is in them, and in `late`, which a change of the test makes. */
export async function contentOf(server: Parameters<typeof session>[0]): Promise<unknown> {
  await using client = await session(server, 'postgres');
  const { rows } = await client.query(
    `select (select md5(string_agg(id || text || version, ',' order by id)) from wide) as wide,
            (select md5(string_agg(id || '-' || version, ',' order by id)) from quick) as quick, (select text from late) as late`,
  );
  return rows[0];
}
