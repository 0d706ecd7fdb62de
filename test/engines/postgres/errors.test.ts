import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { DatabaseError } from 'pg';
import { fromBaseBackup, fromServerError, fromTool, lastWords } from '../../../lib/engines/postgres/errors.ts';

const codeOf = (stderr: string) =>
  fromTool({
    tool: 'pg_dump',
    doing: "the dump of database 'orders'",
    end: { code: 1, signal: null },
    stderr,
    otherwise: 'dump-failed',
  }).code;

// Each text as pg_dump 15 to 18 wrote it.
for (const [stderr, code] of [
  [
    'pg_dump: error: connection to server at "127.0.0.1", port 1 failed: Connection refused\n\tIs the server running on that host?',
    'source-unreachable',
  ],
  [
    'pg_dump: error: connection to server at "10.0.0.1", port 5432 failed: FATAL:  password authentication failed for user "x"',
    'auth-failed',
  ],
  [
    'pg_dump: error: connection to server at "10.0.0.1", port 5432 failed: FATAL:  database "gone" does not exist',
    'database-missing',
  ],
  ['pg_dump: error: query failed: ERROR:  permission denied for table secret', 'privilege-missing'],
  [
    'pg_dump: error: query failed: ERROR:  query would be affected by row-level security policy for table "customer"',
    'privilege-missing',
  ],
  ['pg_dump: error: query failed: ERROR:  canceling statement due to statement timeout', 'source-busy'],
  ['pg_dump: error: query failed: ERROR:  canceling statement due to conflict with recovery', 'source-busy'],
  [
    'pg_dump: error: Dumping the contents of table "item" failed: PQgetCopyData() failed.\npg_dump: detail: Error message from server: server closed the connection unexpectedly',
    'source-interrupted',
  ],
  ['pg_dump: error: query failed: FATAL:  terminating connection due to administrator command', 'source-interrupted'],
  ['pg_dump: error: query failed: ERROR:  invalid snapshot identifier: "00000003-00000002-1"', 'source-interrupted'],
  ['pg_dump: error: could not write to file: No space left on device', 'disk-full'],
  ['pg_dump: error: aborting because of server version mismatch', 'version-mismatch'],
  ['psql:<stdin>:5: error: invalid command \\restrict', 'version-mismatch'],
  ['pg_dump: error: something that nobody has seen before', 'dump-failed'],
  ['', 'dump-failed'],
] as const) {
  test(`'${stderr.slice(0, 90).replaceAll('\n', ' ')}' is ${code}`, () => {
    assert.equal(codeOf(stderr), code);
  });
}

// Each text as PostgreSQL 15 and 17 write it.
for (const [text, code, hint] of [
  ['number of requested standby connections exceeds max_wal_senders (currently 4)', 'source-busy', /max_wal_senders/],
  ['number of requested standby connections exceeds "max_wal_senders" (currently 4)', 'source-busy', /max_wal_senders/],
  [
    'WAL generated with full_page_writes=off was replayed since last restartpoint',
    'dump-failed',
    /full_page_writes to 'on'/,
  ],
  [
    'WAL generated with "full_page_writes=off" was replayed during online backup',
    'dump-failed',
    /full_page_writes to 'on'/,
  ],
  ['replication slots can only be used if "wal_level" >= "replica"', 'preflight-failed', /wal_level to 'replica'/],
  ['must be superuser or replication role to start walsender', 'privilege-missing', /alter role/],
  ['permission denied to start WAL sender', 'privilege-missing', /alter role/],
] as const) {
  test(`'${text}' is ${code}, and says what helps`, () => {
    const failure = fromBaseBackup(new DatabaseError(text, 0, 'error'), 'the base backup');

    assert.equal(failure.code, code);
    assert.match(failure.hint, hint);
  });
}

test('a name cannot pass for an error text', () => {
  assert.equal(codeOf('pg_dump: error: unknown trouble with table "server closed the connection"'), 'dump-failed');
});

test('a rejected value of several lines is left out too', () => {
  const stderr =
    'pg_restore: error: COPY failed: ERROR:  invalid input syntax for type json: "{ alice\nbob }"\nCONTEXT: x';
  const inSession = new DatabaseError('invalid input syntax for type json: "{ alice\nbob }"', 60, 'error');

  assert.equal(lastWords(stderr), "COPY failed: ERROR:  invalid input syntax for type json: '…'");
  assert.equal(fromServerError(inSession, 'analyze').message, "analyze: invalid input syntax for type json: '…'");
});

test("a tool's last words hold no row data", () => {
  const stderr = [
    'pg_restore: error: could not execute query: ERROR:  duplicate key value violates unique constraint "person_key"',
    'DETAIL:  Key (email)=(alice@example.org) already exists.',
    'CONTEXT:  COPY person, line 3: "3\talice@example.org"',
    'pg_restore: error: COPY failed: ERROR:  invalid input syntax for type integer: "4111 1111 1111 1111"',
    'Command was: INSERT INTO person VALUES (1);',
  ].join('\n');

  const words = lastWords(stderr);

  assert.doesNotMatch(words, /alice|4111|INSERT/);
  assert.match(words, /violates unique constraint "person_key"/);
  assert.match(words, /invalid input syntax for type integer: '…'/);
});

test('a missing socket is a server that cannot be reached, and a missing file of this machine is not', async () => {
  const missing = path.join(tmpdir(), 'holdfast-is-not-there');
  const [socket] = await once(createConnection(missing), 'error').catch((error: unknown) => [error]);
  const file = await readFile(missing).catch((error: unknown) => error);

  assert.equal(fromServerError(socket, 'the server').code, 'source-unreachable');
  assert.equal(fromServerError(file, 'the server').code, 'internal');
});
