import { postgresEngine } from '../../lib/engines/postgres/postgres-engine.ts';
import { type PostgresMajor, testedMajors } from '../../scripts/servers/postgres.ts';
import { contextFor, databaseNames, run, testTools } from '../engines/postgres/run-engine.ts';
import { postgresServer } from '../servers/postgres.ts';
import { engineSuite, type Subject } from './engine-suite.ts';

const changeValue = 'update item set price = 0 where id = 4711';
const changeDefinition = 'create index item_price on item (price)';

const kinds = [
  { request: { method: 'logical', format: 'custom' }, rows: 5000, change: changeValue },
  { request: { method: 'logical', format: 'sql' }, rows: 5000, change: changeValue },
  { request: { method: 'schema', format: 'custom' }, rows: 0, change: changeDefinition },
  { request: { method: 'schema', format: 'sql' }, rows: 0, change: changeDefinition },
] as const;

for (const major of testedMajors) {
  for (const { request, rows, change } of kinds) {
    // The definitions alone are read and written alike by all versions.
    if (request.method === 'schema' && major !== 17) continue;
    engineSuite(`postgres ${major}, ${request.method}, ${request.format}`, () =>
      postgresSubject(major, request, rows, change),
    );
  }
}

async function postgresSubject(
  major: PostgresMajor,
  request: Subject['request'],
  rows: number,
  change: string,
): Promise<Subject> {
  const server = await postgresServer({ major });
  await run(server, 'postgres', 'create database orders');
  await run(
    server,
    'orders',
    `create table item (id int primary key, price numeric, at timestamptz);
     insert into item select n, n * 1.5, timestamptz 'epoch' + n * interval '1 hour' from generate_series(1, 5000) n;
     select lo_from_bytea(0, 'a large object')`,
  );
  return {
    engine: postgresEngine({ findTools: testTools }),
    request,
    rows,
    context: (options) => contextFor(server, { ...options, parallelJobs: 3, connection: { databases: ['orders'] } }),
    source: 'orders',
    copy: 'orders_copy',
    changeCopy: () => run(server, 'orders_copy', change),
    list: () => databaseNames(server),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
