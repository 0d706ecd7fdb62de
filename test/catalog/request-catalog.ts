import assert from 'node:assert/strict';
import type { Client } from 'pg';
import { connectCatalog } from '../../lib/catalog/connect.ts';
import { applyEvents } from '../../lib/catalog/project.ts';
import { type JournalEvent, journalEventSchema } from '../../lib/core/journal.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { newCatalog, settingsFor } from './catalog-database.ts';
import { targetsDeclared } from './events.ts';

/** A catalog that knows of two targets, and of a third that belongs to acme. */
export async function requestCatalog(server: PostgresServer, over: Record<string, unknown> = {}) {
  const catalog = await newCatalog(server);
  const targets = [{ name: 'orders' }, { name: 'stock' }, { name: 'books', tenant: 'acme' }];
  await applyEvents(catalog.writer, [targetsDeclared('2026-11-20T11:00:00.000Z', targets, over)]);
  return catalog;
}

export const rowsOf = async (client: Client, question: string): Promise<readonly Record<string, unknown>[]> =>
  (await client.query<Record<string, unknown>>(question)).rows;

export const refused = (client: Client, call: string, code: string, message: RegExp, hint: RegExp): Promise<void> =>
  assert.rejects(client.query(call), (error: { code: string; message: string; hint: string }) => {
    assert.equal(error.code, code, `${error.code}: ${error.message}`);
    assert.match(error.message, message);
    assert.match(error.hint, hint);
    return true;
  });

/** The events that will be journaled when the requests are taken. */
export async function eventsOfRequests(owner: Client): Promise<readonly JournalEvent[]> {
  const rows = await rowsOf(owner, 'select to_jsonb(events) as events from holdfast.request order by request_bk');
  return rows.flatMap(({ events }) => (events as unknown[]).map((event) => journalEventSchema.parse(event)));
}

/** As Berta, an operator, who approves whatever waits. */
export async function approveAll(server: PostgresServer, owner: Client, database: string): Promise<void> {
  await owner.query(`do $$ begin
    if not exists (select from pg_roles where rolname = 'berta') then
      create role berta login password 'berta' in role backup_operator;
    end if;
  end $$`);
  const settings = settingsFor(server, database);
  await using berta = await connectCatalog({
    ...settings,
    user: 'berta',
    auth: { kind: 'password', password: 'berta' },
    role: 'owner',
  });
  const waiting = await rowsOf(
    berta.client,
    "select request_bk from backup_mgmt.requests where request_status = 'WAITING_FOR_APPROVAL'",
  );
  for (const { request_bk } of waiting) await berta.client.query(`call backup_mgmt.approve_recovery('${request_bk}')`);
}
