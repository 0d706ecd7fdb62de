import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EventBridgeClient, ListRulesCommand, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  KMSClient,
} from '@aws-sdk/client-kms';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  InvalidToken,
  ListExecutionsCommand,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
  TaskTimedOut,
} from '@aws-sdk/client-sfn';
import type { LocalStack } from '../../../lib/local/local-stack.ts';
import { openToyStack, type ToyFolder, toyFolder } from '../toy-stack.ts';

let folder: ToyFolder;
let stack: LocalStack;
let client: { endpoint: string; region: string; credentials: LocalStack['credentials']; maxAttempts: number };
let machineArn: string;

before(async () => {
  folder = toyFolder();
  ({ stack } = await openToyStack(folder));
  client = { endpoint: stack.endpointUrl, region: stack.region, credentials: stack.credentials, maxAttempts: 1 };
  machineArn = stack.executions.machine('toy-machine').arn;
});
after(async () => {
  await stack?.close();
  folder?.[Symbol.dispose]();
});

const named =
  (name: string) =>
  (error: unknown): boolean =>
    error instanceof Error && error.name === name;

test('an execution is started once for a name and an input, and not again when it has ended', async () => {
  const sfn = new SFNClient(client);
  const input = JSON.stringify({ name: 'Ada', fail: '', command: ['work'], run: {} });
  const request = { stateMachineArn: machineArn, name: 'orders-20261121T0200Z', input };

  const [first, second] = await Promise.all([
    sfn.send(new StartExecutionCommand(request)),
    sfn.send(new StartExecutionCommand(request)),
  ]);
  const other = sfn.send(new StartExecutionCommand({ ...request, input: '{}' }));

  assert.equal(
    first.executionArn,
    'arn:aws:states:eu-central-1:000000000000:execution:toy-machine:orders-20261121T0200Z',
  );
  assert.equal(second.executionArn, first.executionArn);
  await assert.rejects(other, named('ExecutionAlreadyExists'));
  await stack.waitFor(first.executionArn ?? '');
  await assert.rejects(sfn.send(new StartExecutionCommand(request)), named('ExecutionAlreadyExists'));
  const described = await sfn.send(new DescribeExecutionCommand({ executionArn: first.executionArn }));
  assert.equal(described.status, 'SUCCEEDED');
  assert.equal(described.input, input);
  assert.ok(described.stopDate instanceof Date);
});

test('a name that Step Functions would refuse is refused', async () => {
  const sfn = new SFNClient(client);

  const colon = sfn.send(new StartExecutionCommand({ stateMachineArn: machineArn, name: '2026-11-21T02:00' }));
  const long = sfn.send(new StartExecutionCommand({ stateMachineArn: machineArn, name: 'x'.repeat(81) }));
  const unknown = sfn.send(new StartExecutionCommand({ stateMachineArn: `${machineArn}2` }));

  await assert.rejects(colon, named('InvalidName'));
  await assert.rejects(long, named('InvalidName'));
  await assert.rejects(unknown, named('StateMachineDoesNotExist'));
});

test('stopping an execution stops its task too, and its history says so', async () => {
  const sfn = new SFNClient(client);
  const input = JSON.stringify({ name: 'Ada', fail: '', command: ['hang'], run: {} });
  const hanging = new Promise<void>((resolve) => {
    stack.executions.listen((news) => {
      if (news.kind === 'progress' && JSON.stringify(news.progress).includes('hanging')) resolve();
    });
  });
  const { executionArn } = await sfn.send(
    new StartExecutionCommand({ stateMachineArn: machineArn, name: 'stopped', input }),
  );
  await hanging;

  await sfn.send(new StopExecutionCommand({ executionArn }));

  const { status } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
  const { events = [] } = await sfn.send(new GetExecutionHistoryCommand({ executionArn }));
  const list = await sfn.send(new ListExecutionsCommand({ stateMachineArn: machineArn, statusFilter: 'ABORTED' }));
  assert.equal(status, 'ABORTED');
  assert.deepEqual(
    events.map(({ type }) => type),
    ['ExecutionStarted', 'TaskStateEntered', 'TaskStateExited', 'TaskStateEntered', 'ExecutionAborted'],
  );
  assert.deepEqual(
    list.executions?.map(({ name }) => name),
    ['stopped'],
  );
});

test('an answer to a token that nobody waits for is refused as Step Functions refuses it', async () => {
  const sfn = new SFNClient(client);
  const spent = Buffer.from(JSON.stringify([`${machineArn}:spent`, 'one'])).toString('base64url');

  await assert.rejects(sfn.send(new SendTaskSuccessCommand({ taskToken: spent, output: '{}' })), TaskTimedOut);
  await assert.rejects(sfn.send(new SendTaskFailureCommand({ taskToken: spent, error: 'refused' })), TaskTimedOut);
  await assert.rejects(sfn.send(new SendTaskHeartbeatCommand({ taskToken: spent })), TaskTimedOut);
  await assert.rejects(sfn.send(new SendTaskSuccessCommand({ taskToken: 'nonsense', output: '{}' })), InvalidToken);
});

test('a function is invoked with its own environment and folder, and stays warm', async () => {
  process.env['SECRET_OF_STACK'] = 'not for functions';
  const lambda = new LambdaClient(client);
  const invoke = async () => {
    const { Payload } = await lambda.send(
      new InvokeCommand({ FunctionName: 'toy-greet', Payload: JSON.stringify({ name: 'Ada' }) }),
    );
    return JSON.parse(Buffer.from(Payload ?? []).toString());
  };

  const first = await invoke();
  const second = await invoke();

  assert.equal(first.greeting, 'hello, Ada');
  assert.equal(first.settings, 'baked');
  assert.equal(first.secretOfStack, null);
  assert.equal(second.pid, first.pid);
});

test('a function that fails, ends or overruns its time gives a function error', async () => {
  const lambda = new LambdaClient(client);
  const invoke = async (event: object) => {
    const { FunctionError, Payload, StatusCode } = await lambda.send(
      new InvokeCommand({ FunctionName: 'toy-greet', Payload: JSON.stringify({ name: 'Ada', ...event }) }),
    );
    return { FunctionError, StatusCode, ...JSON.parse(Buffer.from(Payload ?? []).toString()) };
  };

  const thrown = await invoke({ fail: 'source-busy' });
  const exited = await invoke({ exit: true });
  const endless = await invoke({ loop: true });
  const after = await invoke({});

  assert.deepEqual(
    [thrown.FunctionError, thrown.StatusCode, thrown.errorType, thrown.errorMessage],
    ['Unhandled', 200, 'source-busy', "no greeting for 'Ada'"],
  );
  assert.deepEqual(
    [exited.FunctionError, exited.errorType, exited.errorMessage],
    ['Unhandled', 'Runtime.ExitError', "the function's process ended with exit status 3"],
  );
  assert.equal(endless.errorType, 'Sandbox.Timedout');
  assert.match(endless.errorMessage, /Task timed out after 5\.00 seconds$/);
  assert.equal(after.greeting, 'hello, Ada');
});

test('a data key comes back with the encryption context that it was made under, and with no other', async () => {
  const kms = new KMSClient(client);
  const context = { target: 'orders', backup: '20261121T020000Z-9f3c2a1b' };
  const { Plaintext, CiphertextBlob, KeyId } = await kms.send(
    new GenerateDataKeyCommand({ KeyId: 'alias/toy', KeySpec: 'AES_256', EncryptionContext: context }),
  );

  const { Plaintext: back } = await kms.send(
    new DecryptCommand({
      CiphertextBlob,
      EncryptionContext: { backup: '20261121T020000Z-9f3c2a1b', target: 'orders' },
    }),
  );
  const wrong = kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: { ...context, target: 'other' } }));
  const altered = Uint8Array.from(CiphertextBlob ?? []);
  altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
  const flipped = kms.send(new DecryptCommand({ CiphertextBlob: altered, EncryptionContext: context }));

  assert.equal(Plaintext?.length, 32);
  assert.deepEqual(back, Plaintext);
  await assert.rejects(wrong, named('InvalidCiphertextException'));
  await assert.rejects(flipped, named('InvalidCiphertextException'));
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
  assert.equal(KeyMetadata?.KeyState, 'Enabled');
  const file = join(folder.state, 'kms', `${KeyMetadata?.KeyId}.key`);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('an unknown key is not found', async () => {
  const kms = new KMSClient(client);

  const encryption = kms.send(new EncryptCommand({ KeyId: 'alias/none', Plaintext: new Uint8Array(1) }));

  await assert.rejects(encryption, named('NotFoundException'));
});

test('a generated secret is the same at every reading, and another is read from its file', async () => {
  const { mkdirSync, writeFileSync } = await import('node:fs');
  mkdirSync(join(folder.state, 'secrets', 'prod'), { recursive: true });
  writeFileSync(join(folder.state, 'secrets', 'prod', 'orders'), '{"password":"from a file"}\n');
  const secretsManager = new SecretsManagerClient(client);
  const read = async (SecretId: string) =>
    (await secretsManager.send(new GetSecretValueCommand({ SecretId }))).SecretString;

  const first = await read('toy/password');
  const second = await read('arn:aws:secretsmanager:eu-central-1:000000000000:secret:toy/password-local1');

  assert.equal(JSON.parse(first ?? '').username, 'toy');
  assert.match(JSON.parse(first ?? '').password, /^[0-9a-f]{32}$/);
  assert.equal(second, first);
  assert.equal(await read('prod/orders'), '{"password":"from a file"}');
  await assert.rejects(read('prod/none'), named('ResourceNotFoundException'));
  await assert.rejects(read('../../etc/passwd'), named('ResourceNotFoundException'));
});

test('an operation that the stack does not speak is refused by its name', async () => {
  const listing = new EventBridgeClient(client).send(new ListRulesCommand({}));

  await assert.rejects(listing, {
    name: 'UnknownOperationException',
    message: "the local stack does not speak the operation 'AWSEvents.ListRules'",
  });
});

test('a request with other credentials, or with an altered signature, is refused', async () => {
  const stranger = new SFNClient({ ...client, credentials: { accessKeyId: 'AKIASTRANGER', secretAccessKey: 'x' } });
  const forger = new SFNClient({ ...client, credentials: { ...client.credentials, secretAccessKey: 'guessed' } });

  await assert.rejects(
    stranger.send(new ListExecutionsCommand({ stateMachineArn: machineArn })),
    named('UnrecognizedClientException'),
  );
  await assert.rejects(
    forger.send(new ListExecutionsCommand({ stateMachineArn: machineArn })),
    named('InvalidSignatureException'),
  );
  const unsigned = await fetch(stack.endpointUrl, {
    method: 'POST',
    headers: { 'x-amz-target': 'AWSEvents.PutEvents' },
  });
  assert.equal(unsigned.status, 403);
});

test('every call is recorded with its caller, action, resource and what conditions look at', async () => {
  await new EventBridgeClient(client).send(
    new PutEventsCommand({ Entries: [{ Source: 'toy', DetailType: 'Nothing', Detail: '{}' }] }),
  );

  const calls = await stack.calls.read();

  const { at: _, ...last } = calls.at(-1) ?? { at: '' };
  assert.deepEqual(last, {
    caller: { kind: 'operator', name: 'operator', roleArn: 'arn:aws:iam::000000000000:user/operator' },
    action: 'events:PutEvents',
    resource: 'arn:aws:events:eu-central-1:000000000000:event-bus/default',
    context: { 'events:source': ['toy'], 'events:detail-type': ['Nothing'] },
  });
  const invoked = calls.find(({ caller, action }) => caller.kind === 'machine' && action === 'lambda:InvokeFunction');
  assert.equal(invoked?.resource, 'arn:aws:lambda:eu-central-1:000000000000:function:toy-greet');
  assert.equal(invoked?.caller.name, 'toy-machine');
  assert.match(invoked?.caller.roleArn ?? '', /^arn:aws:iam::000000000000:role\/Toy-MachineRole/);
});
