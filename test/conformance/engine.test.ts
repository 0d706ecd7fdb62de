import { postgresEngine } from '../../lib/engines/postgres/postgres-engine.ts';
import { contextFor, databaseNames, run, testTools } from '../engines/postgres/run-engine.ts';
import { postgresServer } from '../servers/postgres.ts';
import { engineSuite } from './engine-suite.ts';

for (const major of [15, 17, 18] as const) {
  engineSuite(`postgres ${major}, logical`, async () => {
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
      context: (options) => contextFor(server, { ...options, connection: { databases: ['orders'] } }),
      source: 'orders',
      copy: 'orders_copy',
      changeCopy: () => run(server, 'orders_copy', 'update item set price = 0 where id = 4711'),
      list: () => databaseNames(server),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  });
}
