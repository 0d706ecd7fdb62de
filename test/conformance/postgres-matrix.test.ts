import { databaseNames, run, session } from '../engines/postgres/run-engine.ts';
import { postgresServer } from '../servers/postgres.ts';
import { type MatrixSubject, matrixSuite } from './matrix-suite.ts';

for (const format of ['custom', 'sql'] as const)
  matrixSuite('postgres 17', { method: 'logical', format }, postgresSubject);

async function postgresSubject(): Promise<MatrixSubject> {
  await using stack = new AsyncDisposableStack();
  const source = stack.use(await postgresServer({ major: 17 }));
  const destination = stack.use(await postgresServer({ major: 17 }));
  process.env['HOLDFAST_PG_BIN'] = source.binDir;
  process.env['MATRIX_PASSWORD'] = source.password;
  await run(source, 'postgres', 'create database orders');
  await run(
    source,
    'orders',
    `create table item (id int generated always as identity primary key, price numeric);
     insert into item (price) select n * 1.5 from generate_series(1, 5000) n;
     select lo_from_bytea(0, 'a large object')`,
  );
  const writer = stack.use(await session(source, 'orders'));
  const target = (name: string, { host, port, user }: typeof source): string =>
    `  - { name: ${name}, engine: postgres, connection: { host: ${host}, port: ${port}, user: ${user}, password: { env: MATRIX_PASSWORD }, sslmode: disable, databases: [orders] } }\n`;
  const kept = stack.move();
  return {
    targets: target('source', source) + target('destination', destination),
    async write() {
      await writer.query('insert into item (price) values (1)');
    },
    async empty() {
      if ((await databaseNames(destination)).includes('orders'))
        await run(destination, 'postgres', 'drop database orders');
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
