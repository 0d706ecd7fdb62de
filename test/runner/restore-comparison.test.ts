import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { newOperationId } from '../../lib/core/ids.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import { manifestKey } from '../../lib/core/object-keys.ts';
import type { ComparisonDepth } from '../../lib/core/vocabulary.ts';
import { sealManifest } from '../../lib/keys/seal.ts';
import { runRestoreTest } from '../../lib/runner/restore-test.ts';
import { putJson } from '../../lib/store/text.ts';
import { type Installation, openInstallation } from '../conformance/installation.ts';
import { run } from '../engines/postgres/run-engine.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';

suite('how a restored copy is held against its backup', { concurrency: false }, () => {
  let source: PostgresServer;
  let destination: PostgresServer;
  let installation: Installation;
  let manifest: Manifest;
  /** A backup whose manifest counts a table that is in no archive: who reads all of a copy back finds it missing, and who looks at rows only does not. */
  let boastful: Manifest;

  before(async () => {
    source = await postgresServer({ major: 17 });
    destination = await postgresServer({ major: 17 });
    process.env['HOLDFAST_PG_BIN'] = source.binDir;
    process.env['COMPARISON_PASSWORD'] = source.password;
    await run(source, 'postgres', 'create database orders');
    await run(source, 'orders', 'create table item as select n as id from generate_series(1, 1000) n');
    const target = (name: string, { host, port, user }: PostgresServer): string =>
      `  - { name: ${name}, engine: postgres, connection: { host: ${host}, port: ${port}, user: ${user}, password: { env: COMPARISON_PASSWORD }, sslmode: disable, databases: [orders] } }\n`;
    installation = await openInstallation({
      algorithm: 'none',
      targets: target('source', source) + target('destination', destination),
    });
    manifest = await installation.backUp({ method: 'logical', format: 'custom', execution: 'honest' });
    boastful = await installation.backUp({ method: 'logical', format: 'custom', execution: 'boastful' });
    const streams = boastful.streams.map((stream) => {
      const { definitions } = stream.content ?? {};
      if (stream.kind !== 'database' || !stream.content || !definitions) return stream;
      const counts = { ...definitions.counts, TABLE: (definitions.counts['TABLE'] ?? 0) + 1 };
      return { ...stream, content: { ...stream.content, definitions: { ...definitions, counts } } };
    });
    await installation.within(({ store }) =>
      putJson(store, manifestKey(boastful.target, boastful.backupId), sealManifest({ ...boastful, streams }, null)),
    );
  });
  after(async () => {
    await installation?.[Symbol.asyncDispose]();
    await destination?.[Symbol.asyncDispose]();
    await source?.[Symbol.asyncDispose]();
  });

  const restore = (backup: Manifest, comparison: ComparisonDepth | null) =>
    installation.restore(backup, { databases: ['orders'], replace: true, comparison });

  test('a restore that says nothing else believes the digests of what was loaded, and says so', async () => {
    const { databases } = await restore(manifest, null);

    assert.deepEqual(
      databases.map(({ same, proof, tables, rows, remarks }) => ({ same, proof, tables, rows, remarks })),
      [
        {
          same: true,
          proof: 'loaded',
          tables: 1,
          rows: 1000,
          remarks: [
            "the rows that were loaded have the backup's digests, and the server took as many; they were not read back",
          ],
        },
      ],
    );
  });

  test("one that is asked for 'full' reads every row back, whatever is set, and says so", async () => {
    const { databases } = await restore(manifest, 'full');

    assert.deepEqual(
      databases.map(({ same, proof, rows, remarks }) => ({ same, proof, rows, remarks })),
      [{ same: true, proof: 'compared', rows: 1000, remarks: [] }],
    );
  });

  test('definitions alone are read back in any case', async () => {
    const schema = await installation.backUp({ method: 'schema', format: 'custom', execution: 'definitions' });

    const { databases } = await restore(schema, 'loaded');

    assert.deepEqual(
      databases.map(({ same, proof, tables }) => [same, proof, tables]),
      [[true, 'compared', 0]],
    );
  });

  test('only one that reads all of it back finds what the rows do not show', async () => {
    const { databases } = await restore(boastful, 'loaded');

    assert.deepEqual(
      databases.map(({ same, proof }) => [same, proof]),
      [[true, 'loaded']],
    );
    await assert.rejects(restore(boastful, 'full'), { code: 'comparison-failed' });
  });

  test('a restore test reads all of it back, as restores do not unless they are asked', async () => {
    const tested = (backup: Manifest) =>
      installation.within((context) => {
        assert.equal(context.config.recovery.comparison, undefined);
        const now = context.clock();
        return runRestoreTest(context, {
          validationId: newOperationId(now),
          backupId: backup.backupId,
          target: backup.target,
          reason: 'asked for',
          requestedBy: { kind: 'user' },
          execution: 'test',
          requestedAt: now.toISOString(),
        });
      });

    const { restoreTest, failure } = await tested(manifest);

    assert.deepEqual([restoreTest.rows, failure], [1000, undefined]);
    await assert.rejects(tested(boastful), { code: 'comparison-failed' });
  });
});
