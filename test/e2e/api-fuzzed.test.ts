import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { ensureSchemathesis } from '../../scripts/servers/schemathesis.ts';
import { type OpenStack, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

let folder: StackFolder;
let opened: OpenStack;

before(async () => {
  // Names that answers tell are tried again in requests, so runs are started. None reaches a server, and how they end is not the question here.
  folder = await stackFolder({ server: { port: 1, backupPassword: 'none', binDir: '/nonexistent' } });
  opened = await openStack(folder);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
});

/**
 * What schemathesis looks for: a status, content type, header or body that is not described, a 5xx, a request that breaks the description and is
 * taken all the same, one that keeps it and is refused, a method or a missing header that nobody answers properly for, a way in without the token.
 */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'unsupported_method',
  'missing_required_header',
  'ignored_auth',
];

test('requests that schemathesis makes up, valid ones and broken ones, find nothing that the description does not say', async () => {
  const schemathesis = await ensureSchemathesis(() => {});
  const token = readFileSync(join(folder.stateDirectory, 'api-token'), 'utf8').trim();

  const { code, output } = await run(schemathesis, [
    'run',
    resolve('docs/openapi.json'),
    ...['--url', `${opened.stack.statusUrl}/api`, '--header', `Authorization: Bearer ${token}`],
    ...['--checks', checks.join(','), '--phases', 'examples,coverage,fuzzing', '--max-examples', '10'],
    // The first call of each kind starts its function, beside whatever else runs here.
    ...['--request-timeout', '120'],
    // One thread: with two, Python's own parser fails now and then ("AST constructor recursion depth mismatch").
    ...['--seed', '20261121', '--workers', '1', '--no-color', '--max-time', '30'],
    ...['--suppress-health-check', 'all', '--generation-database', 'none'],
  ]);

  assert.equal(code, 0, output.slice(-8000));
});

function run(program: string, args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    // It keeps what it found in a folder of its working directory, and would begin with that the next time.
    execFile(program, args, { maxBuffer: 1 << 26, cwd: folder.root }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, output: stdout + stderr }),
    );
  });
}
