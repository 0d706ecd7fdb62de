import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { clientSettings, functionIn } from '../../lib/cli/local.ts';
import type { Manifest } from '../../lib/core/manifest.ts';
import type { BackupRun } from '../../lib/core/requests.ts';
import { findRunningStack } from '../../lib/local/running-stack.ts';
import { runCli } from './run-cli.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { manifestOf, type OpenStack, openStack, type StackFolder, stackFolder } from './stack-fixture.ts';

let server: SourceServer;
let folder: StackFolder;
let opened: OpenStack;
let run: BackupRun;
let manifest: Manifest;

before(async () => {
  server = await sourceServer({ orders: { noiseKilobytes: 2500 } });
  folder = await stackFolder({ server });
  opened = await openStack(folder);
  ({ run } = await opened.succeeded(opened.backup('orders')));
  manifest = manifestOf(folder, run);
});
after(async () => {
  await opened?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

const objectsOfDatabase = (): readonly string[] =>
  manifest.streams.find(({ kind }) => kind === 'database')?.objects.map(({ key }) => key) ?? [];

/** What the state machine's own step says of the backup. */
async function validateStep(): Promise<{ readonly errorType: string; readonly errorMessage: string }> {
  const running = findRunningStack(folder.stateDirectory);
  assert.ok(running);
  const lambda = new LambdaClient(clientSettings(running));
  const answer = await lambda.send(
    new InvokeCommand({
      FunctionName: functionIn(running, 'StepsvalidatebackupFunction'),
      Payload: JSON.stringify({ run }),
    }),
  );
  assert.equal(answer.FunctionError, 'Unhandled');
  return JSON.parse(Buffer.from(answer.Payload ?? []).toString());
}

/**
 * Does the damage to a copy of the files and puts the originals back behind it; meanwhile validation by command and by step, and a restore,
 * must all refuse with `code`, and name one of `named`.
 */
async function isFound(
  code: string,
  named: readonly string[],
  files: readonly string[],
  damage: () => void,
): Promise<void> {
  const paths = files.map((key) => join(folder.store, key));
  const originals = paths.map((path) => readFileSync(path));
  try {
    damage();
    const command = await runCli(['validate', run.backupId, '--json', '--config', folder.configFile]);
    const step = await validateStep();
    const restore = await runCli(
      ['restore', run.backupId, '--database', 'orders', '--as', 'damaged', '--json', '--config', folder.configFile],
      { environment: folder.environment },
    );

    assert.equal(command.exitCode, 15, command.stderr);
    const said = `${command.stdout}${command.stderr}`;
    assert.ok(
      named.some((name) => said.includes(name)),
      `validate names none of ${named.join(', ')}:\n${said}`,
    );
    assert.equal(step.errorType, code);
    assert.ok(
      named.some((name) => step.errorMessage.includes(name)),
      step.errorMessage,
    );
    assert.equal(restore.exitCode, 15, restore.stderr);
    assert.equal(restore.error.code, code);
    assert.ok(
      named.some((name) => restore.error.message.includes(name)),
      restore.error.message,
    );
    assert.equal(await server.ask('postgres', "select count(*) from pg_database where datname like '%damaged%'"), '0');
  } finally {
    for (const [index, path] of paths.entries()) writeFileSync(path, originals[index] ?? '');
  }
}

test('a truncated object is found and named, and not restored', async () => {
  const [key = ''] = objectsOfDatabase();

  await isFound('corrupt', [key], [key], () =>
    truncateSync(join(folder.store, key), readFileSync(join(folder.store, key)).length - 1),
  );
});

test('one flipped bit in an object is found and named, and not restored', async () => {
  const key = objectsOfDatabase()[1] ?? '';

  await isFound('corrupt', [key], [key], () => flipBit(join(folder.store, key), 0.5));
});

test("two objects under each other's keys are found and named, and not restored", async () => {
  const [left = '', right = ''] = objectsOfDatabase();

  await isFound('corrupt', [left, right], [left, right], () => {
    const [a, b] = [left, right].map((key) => readFileSync(join(folder.store, key)));
    writeFileSync(join(folder.store, left), b ?? '');
    writeFileSync(join(folder.store, right), a ?? '');
  });
});

test('one flipped bit in the manifest is found by its seal', async () => {
  const key = `backups/orders/${run.backupId}/manifest.json`;
  const digest = manifest.streams.find(({ kind }) => kind === 'database')?.content?.tables[0]?.digest ?? '';

  await isFound('corrupt', [run.backupId], [key], () => {
    const path = join(folder.store, key);
    const text = readFileSync(path, 'utf8');
    // A hex digit whose lowest bit is flipped still is one, so the manifest can be read and only the seal knows better.
    const flipped = digest.replace(/[02468]/, (digit) => String(Number(digit) + 1));
    assert.notEqual(flipped, digest);
    writeFileSync(path, text.replace(digest, flipped));
  });
});

test('whole again, the backup is valid and restores', async () => {
  const valid = await runCli(['validate', run.backupId, '--json', '--config', folder.configFile]);
  assert.equal(valid.exitCode, 0, valid.stderr);

  await opened.succeeded(opened.restore({ backup: run.backupId, databases: ['orders'], as: 'whole' }));
});

function flipBit(path: string, place: number): void {
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length * place);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
