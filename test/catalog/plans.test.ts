import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { takeRequests } from '../../lib/catalog/queries/take-requests.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { newCatalog } from './catalog-database.ts';
import { questions } from './catalog-questions.ts';
import { fillCatalog } from './many-executions.ts';

let server: PostgresServer;
let catalog: Awaited<ReturnType<typeof newCatalog>>;
before(async () => {
  server = await postgresServer({ major: 17, settings: { shared_buffers: '256MB' } });
  catalog = await newCatalog(server, { statementTimeoutSeconds: 540 });
  await catalog.owner.query(
    'create role an_operator in role backup_operator; create role tenant_app in role backup_tenant',
  );
  await fillCatalog(catalog.owner, 100_000);
  // Plans as they are made without luck: no parallel workers, and nothing that depends on how busy the machine is.
  await catalog.owner.query(`load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;
    set auto_explain.log_timing = off; set max_parallel_workers_per_gather = 0; set jit = off`);
});
after(async () => {
  await catalog?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

/** The tables that grow with the years. */
const growing = /backup_execution|recovery_operation|audit_entry| request /;

/** The plans of all statements that `work` has the server run on tables that grow, without figures. */
async function plansOf(client: Client, work: () => Promise<unknown>): Promise<readonly string[]> {
  const plans: string[] = [];
  const hear = ({ message }: { message?: string | undefined }): void => {
    const [, plan] =
      /plan:\nQuery Text: .*?\n((?:[A-Z][a-zA-Z ]*(?: using| on| {2}\().*)(?:\n.*)*)$/s.exec(message ?? '') ?? [];
    if (plan === undefined) return;
    const lines = plan.split('\n').map((line) => line.replace(/ {2}\(cost=.*\)$/, ''));
    const text = lines.filter((line) => /->|^\S/.test(line)).join('\n');
    if (growing.test(` ${text} `)) plans.push(text);
  };
  client.on('notice', hear);
  await client.query('set client_min_messages = log');
  try {
    await work();
  } finally {
    await client.query('set client_min_messages = notice');
    client.off('notice', hear);
  }
  return [...new Set(plans)].flatMap((plan) => [...plan.split('\n'), '']);
}

for (const role of ['an_operator', 'tenant_app'] as const) {
  test(`the plans of all views and functions among 100,000 backups, for ${role}`, async (context) => {
    const { owner } = catalog;
    const plans: Record<string, readonly string[]> = {};
    await owner.query(`set role ${role}`);
    for (const [name, question] of Object.entries(questions)) {
      plans[name] = await plansOf(owner, async () => {
        await owner.query('begin');
        // A tenant has no target 7, and is told so.
        await owner.query(question).catch(() => undefined);
        await owner.query('rollback');
      });
    }
    await owner.query('reset role');

    context.assert.snapshot(plans);
  });
}

test('the plans by which requests are handed out', async (context) => {
  const { owner } = catalog;
  await owner.query('begin');
  await owner.query("select * from backup_mgmt.create_full_backup(target => 'target-7')");

  const plans = await plansOf(owner, () => takeRequests(owner, 50));

  await owner.query('rollback');
  context.assert.snapshot(plans);
});
