import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Passing } from './fault-proxy.ts';
import { share } from './fault-proxy.ts';
import { type TaskScene, taskScene } from './task-scene.ts';

let scene: TaskScene;
before(async () => {
  scene = await taskScene();
});
after(() => scene?.[Symbol.asyncDispose]());

const isManifest = ({ operation, path }: Passing) => operation === 'PutObject' && path.endsWith('/manifest.json');
const isLease = ({ operation, path }: Passing) => operation === 'PutObject' && path.includes('/leases/');

for (const [percent, least] of [
  [1, 0],
  [20, 10],
] as const) {
  test(`a run gives a whole backup although ${percent} % of all requests are answered with 503`, async () => {
    await using world = await scene.open({ source: 'long' });
    const isHit = share(percent / 100);
    scene.lane.s3.inject(() => (isHit() ? { kind: 'answer', status: 503, code: 'SlowDown' } : undefined));

    const played = await world.night('tonight', { isStoreProxied: true });

    assert.ok(scene.lane.s3.injected >= least, `${scene.lane.s3.injected} were hit`);
    scene.lane.s3.inject(() => undefined);
    await world.whole(played);
  });
}

test('a store that is away during one attempt costs that attempt, and the next one is whole', async () => {
  await using world = await scene.open();
  let isAway = false;
  scene.lane.s3.inject(({ operation }) => {
    isAway ||= operation === 'CompleteMultipartUpload';
    return isAway ? { kind: 'answer', status: 500, code: 'InternalError' } : undefined;
  });

  const played = await world.night('tonight', {
    onTask: (_task, attempt) => {
      if (attempt === 2) scene.lane.s3.inject(() => undefined);
    },
  });

  assert.equal(played.attempts, 2);
  assert.match(played.log, /"code":"store-unavailable"/);
  await world.whole(played);
});

test('a store that stays away ends the run as store-unavailable, with nothing half-written', async () => {
  await using world = await scene.open();
  let isAway = false;
  scene.lane.s3.inject(({ operation }) => {
    isAway ||= operation === 'CompleteMultipartUpload';
    return isAway ? { kind: 'answer', status: 500, code: 'InternalError' } : undefined;
  });

  const played = await world.night('tonight');

  const contents = await world.nothingPublished(played, 'store-unavailable');
  assert.deepEqual(
    [...contents.keys()].filter((key) => key.startsWith('backups/')),
    [],
  );
  assert.equal(played.attempts, 3);
  assert.match(played.failure?.hint ?? '', /is the store reachable/);
  scene.lane.s3.inject(() => undefined);
  await world.whole(await world.night('next'));
});

test('a store that asks to slow down is asked ever less often, until the deadline', async () => {
  await using world = await scene.open();
  const times: number[] = [];
  scene.lane.s3.inject(({ operation }) => {
    if (operation !== 'UploadPart') return undefined;
    times.push(performance.now());
    return { kind: 'answer', status: 503, code: 'SlowDown' };
  });

  // The deadline stands for the two hours that a run may take, in which the store stays as it is.
  const played = await world.night('tonight', { task: { timeoutSeconds: 12 } });

  await world.nothingPublished(played, 'deadline');
  // Two requests in flight would make no more; without pauses it would be thousands.
  assert.ok(times.length >= 2 && times.length <= 16, `${times.length} requests`);
  scene.lane.s3.inject(() => undefined);
  await world.whole(await world.night('next'));
});

test('completions answered with 200 OK around an error are repeated until they are true', async () => {
  await using world = await scene.open();
  scene.lane.s3.inject(({ operation, index }) =>
    operation === 'CompleteMultipartUpload' && index < 3 ? { kind: 'ok-with-error', code: 'InternalError' } : undefined,
  );

  const played = await world.night('tonight');

  assert.equal(scene.lane.s3.injected, 3);
  assert.equal(played.attempts, 1);
  await world.whole(played);
});

test('completions that are never true fail the run', async () => {
  await using world = await scene.open();
  scene.lane.s3.inject(({ operation }) =>
    operation === 'CompleteMultipartUpload' ? { kind: 'ok-with-error', code: 'AccessDenied' } : undefined,
  );

  const contents = await world.nothingPublished(await world.night('tonight'), 'store-denied');

  assert.deepEqual(
    [...contents.keys()].filter((key) => key.startsWith('backups/')),
    [],
  );
});

test('a bit that flips on the way back, in whatever keeps an object from opening, is damage and not another key', async () => {
  await using world = await scene.open({ algorithm: 'aes-256-cbc' });
  let reads = 0;
  scene.lane.s3.inject(({ operation, path }) =>
    operation === 'GetObject' && path.includes('/db-small') && reads++ === 0
      ? { kind: 'flip', side: 'answer', atByte: 100 }
      : undefined,
  );

  const played = await world.night('tonight');

  await world.nothingPublished(played, 'corrupt');
  assert.equal(scene.lane.s3.injected, 1);
  assert.match(played.failure?.message ?? '', /what the store gave back does not open/);
});

const withdrawn: readonly (readonly [string, (passing: Passing) => boolean])[] = [
  ['at the first part', ({ operation }) => operation === 'UploadPart'],
  ['at the second object', ({ operation, index }) => operation === 'UploadPart' && index >= 1],
  ['at a completion', ({ operation }) => operation === 'CompleteMultipartUpload'],
  ['when it reads back', ({ operation, path }) => operation === 'GetObject' && path.includes('/backups/')],
  ['at the manifest', isManifest],
  ['when it renews its lease', isLease],
];
for (const [when, isDenied] of withdrawn) {
  test(`permission withdrawn ${when} ends the run as store-denied, and the next one succeeds`, async () => {
    await using world = await scene.open();
    scene.lane.s3.inject((passing) =>
      isDenied(passing) ? { kind: 'answer', status: 403, code: 'AccessDenied' } : undefined,
    );

    const played = await world.night('tonight');

    await world.nothingPublished(played, 'store-denied');
    assert.equal(played.attempts, 1);
    assert.match(played.failure?.message ?? '', /AccessDenied, status 403/);
    assert.match(played.failure?.hint ?? '', /may this role read and write the store/);
    scene.lane.s3.inject(() => undefined);
    await world.whole(await world.night('next'));
  });
}

test('a token that has expired is renewed, and the request sent again', async () => {
  await using world = await scene.open();
  using credentials = credentialProgram(scene);
  let requests = 0;
  scene.lane.s3.inject(() =>
    [3, 9].includes(requests++) ? { kind: 'answer', status: 400, code: 'ExpiredToken' } : undefined,
  );

  const played = await world.night('tonight', { task: { environment: credentials.environment } });

  assert.equal(scene.lane.s3.injected, 2);
  assert.equal(played.attempts, 1);
  assert.equal(credentials.calls(), 3, 'once at the start, and once for each expiry');
  await world.whole(played);
});

test('a token whose expiry a HEAD meets, whose answer has no reason, is renewed too', async () => {
  await using world = await scene.open();
  using credentials = credentialProgram(scene);
  let heads = 0;
  scene.lane.s3.inject(({ method }) =>
    method === 'HEAD' && heads++ === 0 ? { kind: 'answer', status: 400, code: 'ExpiredToken' } : undefined,
  );

  const played = await world.night('tonight', { task: { environment: credentials.environment } });

  assert.equal(scene.lane.s3.injected, 1);
  assert.equal(played.attempts, 1);
  assert.equal(credentials.calls(), 2);
  await world.whole(played);
});

test('a token that stays expired ends the run as store-denied, and says what to renew', async () => {
  await using world = await scene.open();
  scene.lane.s3.inject(({ operation }) =>
    operation === 'UploadPart' ? { kind: 'answer', status: 400, code: 'ExpiredToken' } : undefined,
  );

  const played = await world.night('tonight');

  await world.nothingPublished(played, 'store-denied');
  assert.match(played.failure?.hint ?? '', /the credentials have expired: renew them/);
});

/** A profile whose credentials a program gives, as `aws sso` and others do; counts how often it is asked. */
function credentialProgram({ shared: { s3 } }: TaskScene) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-credentials-'));
  const program = join(folder, 'give');
  const answer = JSON.stringify({
    Version: 1,
    AccessKeyId: s3.accessKeyId,
    SecretAccessKey: s3.secretAccessKey,
    Expiration: '2100-01-01T00:00:00Z',
  });
  writeFileSync(program, `#!/bin/sh\necho asked >> '${folder}/calls'\nprintf '%s' '${answer}'\n`);
  chmodSync(program, 0o755);
  writeFileSync(join(folder, 'config'), `[profile given]\ncredential_process = ${program}\n`);
  return {
    environment: {
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
      AWS_PROFILE: 'given',
      AWS_CONFIG_FILE: join(folder, 'config'),
      AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
    },
    calls: () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n').length,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
