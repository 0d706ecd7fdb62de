import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, beforeEach, test } from 'node:test';
import { applyEvents } from '../../lib/catalog/project.ts';
import { takeRequests } from '../../lib/catalog/queries/take-requests.ts';
import { type PostgresServer, postgresServer } from '../servers/postgres.ts';
import { newCatalog } from './catalog-database.ts';
import { targetsDeclared } from './events.ts';

/**
 * What RDS has as the extension `aws_lambda`, by its documented signature: a call leaves the server, here for a listener of the test. A server
 * of PostgreSQL 18 finds extensions in folders that it is told.
 */
const extension = (port: number): string => `
create function aws_lambda.call(function_name text, payload json, invocation_type text) returns int language plpgsql as $$
begin
  if function_name like '%:nobody' then
    raise exception 'Function not found: %', function_name;
  end if;
  perform set_config(
    'aws_lambda.call', json_build_object('function', function_name, 'payload', payload, 'type', invocation_type)::text, true
  );
  copy (select current_setting('aws_lambda.call')) to program 'bash -c "exec 3<>/dev/tcp/127.0.0.1/${port}; cat >&3; read -r answer <&3"';
  return 202;
end
$$;
create function aws_lambda.invoke(
  in function_name text, in payload json, in region text default null, in invocation_type text default 'RequestResponse',
  in log_type text default 'None', in context json default null, in qualifier varchar(128) default null,
  out status_code int, out payload json, out executed_version text, out log_result text
) language sql as $$ select aws_lambda.call($1, $2, $4), null::json, null, null $$;
`;

let folder: string;
let lambda: Server;
let server: PostgresServer;
let calls: unknown[] = [];

before(async () => {
  lambda = createServer((socket) => {
    createInterface({ input: socket }).once('line', (line) => {
      calls.push(JSON.parse(line));
      socket.end('202\n');
    });
  }).listen(0, '127.0.0.1');
  await once(lambda, 'listening');
  folder = mkdtempSync(join(tmpdir(), 'holdfast-aws-lambda-'));
  mkdirSync(join(folder, 'extension'));
  const control = "comment = 'as on RDS'\ndefault_version = '1.0'\nschema = aws_lambda\nrelocatable = false\n";
  writeFileSync(join(folder, 'extension/aws_lambda.control'), control);
  writeFileSync(join(folder, 'extension/aws_lambda--1.0.sql'), extension((lambda.address() as AddressInfo).port));
  chmodSync(folder, 0o755);
  server = await postgresServer({ major: 18, settings: { extension_control_path: `${folder}:$system` } });
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  lambda?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  calls = [];
});

const takes = 'arn:aws:lambda:eu-central-1:111122223333:function:holdfast-take';

/** A catalog whose server can invoke functions, and knows which. */
async function catalogOf(functionArn?: string) {
  const catalog = await newCatalog(server);
  await applyEvents(catalog.writer, [
    targetsDeclared('2026-11-20T11:00:00.000Z', [{ name: 'orders' }, { name: 'stock' }]),
  ]);
  await catalog.owner.query('create extension aws_lambda');
  if (functionArn !== undefined)
    await catalog.owner.query("insert into holdfast.setting values ('take-requests-function', $1)", [functionArn]);
  return catalog;
}

test('a server that can invoke a function invokes the one that takes requests, once a transaction, at its commit', async () => {
  await using catalog = await catalogOf(takes);

  await catalog.owner.query('begin');
  await catalog.owner.query('select * from backup_mgmt.create_full_backup()');
  await catalog.owner.query("select * from backup_mgmt.verify_backup_integrity(target => 'stock')").catch(() => {});
  await catalog.owner.query('rollback');
  const rolledBack = [...calls];
  await catalog.owner.query('begin');
  await catalog.owner.query('select * from backup_mgmt.create_full_backup()');
  const uncommitted = [...calls];
  await catalog.owner.query('commit');

  assert.deepEqual([rolledBack, uncommitted], [[], []]);
  assert.deepEqual(calls, [{ function: takes, payload: {}, type: 'Event' }]);
  assert.equal((await takeRequests(catalog.writer, 10)).length, 2);
});

test('where no function is named, none is invoked', async () => {
  await using catalog = await catalogOf();

  await catalog.owner.query('select * from backup_mgmt.create_full_backup()');

  assert.deepEqual(calls, []);
});

test('a function that cannot be invoked costs a warning, and the request stands', async () => {
  await using catalog = await catalogOf('arn:aws:lambda:eu-central-1:111122223333:function:nobody');
  const warnings: string[] = [];
  catalog.owner.on('notice', ({ message, hint }) => warnings.push(`${message} | ${hint}`));

  await catalog.owner.query("select * from backup_mgmt.create_full_backup(target => 'orders')");

  assert.deepEqual(warnings, [
    "function 'arn:aws:lambda:eu-central-1:111122223333:function:nobody' was not invoked: Function not found: arn:aws:lambda:eu-central-1:111122223333:function:nobody | the request is taken within a minute",
  ]);
  assert.equal((await takeRequests(catalog.writer, 10)).length, 1);
});
