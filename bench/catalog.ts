import { readFileSync } from 'node:fs';
import type { Client } from 'pg';
import { connectCatalog } from '../lib/catalog/connect.ts';
import { newCatalog, settingsFor } from '../test/catalog/catalog-database.ts';
import { questions } from '../test/catalog/catalog-questions.ts';
import { fillCatalog } from '../test/catalog/many-executions.ts';
import { postgresServer } from '../test/servers/postgres.ts';
import { type BenchRow, rowOf } from './bench-row.ts';
import { benchScale } from './scale.ts';

const executions = 100_000;
const rounds = 15;

/** What no view and no function may take, at the median. */
const limitSeconds = 0.05;

/**
 * Every view and function of the catalog among 100,000 backups, as an operator and, for the views, as a tenant. Requests are rolled back, so that
 * each call does the whole of its work.
 */
export async function run(): Promise<BenchRow[]> {
  await using server = await postgresServer({ major: 17, settings: { shared_buffers: '256MB' } });
  await using catalog = await newCatalog(server, { statementTimeoutSeconds: 540 });
  await catalog.owner.query(
    "create role bench_operator login password 'x' in role backup_operator; create role tenant_app login password 'x' in role backup_tenant",
  );
  await fillCatalog(catalog.owner, Math.ceil(executions * benchScale));
  const rows: BenchRow[] = [];
  for (const user of ['bench_operator', 'tenant_app']) {
    const settings = settingsFor(server, catalog.database);
    await using session = await connectCatalog({
      ...settings,
      user,
      auth: { kind: 'password', password: 'x' },
      role: 'owner',
    });
    for (const [name, question] of Object.entries(questions))
      rows.push(await measured(session.client, user, name, question));
  }
  return rows;
}

async function measured(client: Client, user: string, name: string, question: string): Promise<BenchRow> {
  const samples: BenchRow['samples'][number][] = [];
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid ?? 0;
  for (let round = 0; round < rounds; round++) {
    await client.query('begin');
    const cpuBefore = cpuSecondsOf(pid);
    const began = performance.now();
    // A tenant has no target 7: it is told so, which is an answer too.
    await client.query(question).catch((error: { code?: string }) => {
      if (error.code !== 'ZH002') throw error;
    });
    const seconds = (performance.now() - began) / 1000;
    const cpuSeconds = cpuSecondsOf(pid) - cpuBefore;
    await client.query('rollback');
    samples.push({
      ours: { seconds, cpuSeconds },
      peer: { seconds: limitSeconds, cpuSeconds: Number.NaN },
    });
  }
  return rowOf({
    name: `catalog: ${name}${user === 'tenant_app' ? ', as a tenant' : ''}`,
    peerName: 'the limit',
    unit: 'ms',
    samples,
    figureOf: ({ seconds }) => seconds * 1000,
  });
}

/** What the server's process for the session has worked, from the scheduler's own count: on a busy machine it says more than the clock. */
function cpuSecondsOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
  } catch {
    return Number.NaN;
  }
}
