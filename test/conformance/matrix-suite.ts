import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Manifest } from '../../lib/core/manifest.ts';
import type { Format, Method } from '../../lib/core/vocabulary.ts';
import { minioServer, type S3Server } from '../servers/s3.ts';
import { type Installation, openInstallation } from './installation.ts';

/** What the matrix needs of an engine: two real servers (or trees), and a way to write to the first while it is backed up. */
export type MatrixSubject = AsyncDisposable & {
  /** YAML: a list with a target `source` that holds something, and an empty `destination` of the same kind. */
  readonly targets: string;
  /** One small change in the source, which a backup may have or not. @default - nobody writes: the source is stopped while it is backed up */
  write?(): Promise<void>;
  /** Makes the destination as empty as it was. */
  empty(): Promise<void>;
  /**
   * Puts something into the destination. Where a restore is a matter of many seconds, each combination then has one of the two, in turn: into what
   * is empty, or over this. @default - each has both
   */
  fill?(): Promise<void>;
  /** Holds the copy against the source where the engine's own comparison asks no server. @default - the engine's own does */
  assertCopied?(): Promise<void>;
};

const algorithms = ['aes-256-gcm', 'aes-256-cbc', 'none'] as const;
const combinations = (['directory', 's3'] as const).flatMap((store) =>
  algorithms.map((algorithm) => ({ store, algorithm })),
);

/**
 * Every promise of a backup, through the runner, a real store and the pipeline: in a directory and in S3, in each encryption. A page of
 * docs/ tells who adds an engine to pass this.
 */
export function matrixSuite(
  name: string,
  kind: { readonly method: Method; readonly format: Format },
  open: () => Promise<MatrixSubject>,
): void {
  suite(`matrix: ${name}, ${kind.method}, ${kind.format}`, { concurrency: false }, () => {
    let subject: MatrixSubject;
    let s3: S3Server;

    before(async () => {
      subject = await open();
      s3 = await minioServer();
      process.env['AWS_ACCESS_KEY_ID'] = s3.accessKeyId;
      process.env['AWS_SECRET_ACCESS_KEY'] = s3.secretAccessKey;
    });
    after(async () => {
      await s3?.[Symbol.asyncDispose]();
      await subject?.[Symbol.asyncDispose]();
    });

    for (const [turn, { store, algorithm }] of combinations.entries()) {
      test(`${store}, ${algorithm}: what was backed up under load is proved, comes back, and comes back over something`, async () => {
        const { targets } = subject;
        await using installation = await openInstallation({ algorithm, targets, ...(store === 's3' && { s3 }) });

        const manifest = await underLoad(subject, () => installation.backUp({ ...kind, execution: 'first' }));
        const validation = await installation.validate(manifest);

        assert.equal(manifest.status, 'complete');
        assert.deepEqual(validation.problems, []);
        if (subject.fill === undefined || turn % 2 === 0) {
          await subject.empty();
          await assertRestored(subject, () => installation.restore(manifest));
        } else await subject.fill();
        await assert.rejects(installation.restore(manifest), { code: 'target-not-empty' });
        await refusesDamage(installation, manifest, algorithm);
        if (subject.fill === undefined || turn % 2 === 1)
          await assertRestored(subject, () => installation.restore(manifest, { replace: true }));
      });
    }

    // When the first bytes have been read, and when all objects are there but the manifest.
    for (const phase of ['capture', 'publish']) {
      test(`a backup that is killed in its phase '${phase}' leaves nothing that is listed, and the next attempt is whole`, async () => {
        await using installation = await openInstallation({ algorithm: 'aes-256-gcm', targets: subject.targets });
        const { configFile: config } = installation;
        const args = Object.entries({ config, ...kind, execution: 'killed', phase }).map(
          ([option, value]) => `--${option}=${value}`,
        );

        const child = spawn(process.execPath, [path.join(import.meta.dirname, 'backup-and-die.ts'), ...args], {
          stdio: ['ignore', 'inherit', 'inherit'],
        });
        const [, signal] = await once(child, 'exit');
        const published = await installation.within(async ({ store }) => {
          const keys: string[] = [];
          for await (const { key } of store.list('backups/')) if (key.endsWith('/manifest.json')) keys.push(key);
          return keys;
        });
        const manifest = await installation.backUp({ ...kind, execution: 'killed' });

        assert.equal(signal, 'SIGKILL');
        assert.deepEqual(published, []);
        assert.deepEqual((await installation.validate(manifest)).problems, []);
      });
    }
  });
}

/** Writes to the source a hundred times a second until the work is done; more would only take the machine from the backup. */
async function underLoad<Result>({ write }: MatrixSubject, work: () => Promise<Result>): Promise<Result> {
  if (write === undefined) return await work();
  let isDone = false;
  const writing = (async () => {
    while (!isDone) {
      await write();
      await pause(10);
    }
  })();
  try {
    return await work();
  } finally {
    isDone = true;
    await writing;
  }
}

async function assertRestored(
  subject: MatrixSubject,
  restore: () => ReturnType<Installation['restore']>,
): Promise<void> {
  const { databases } = await restore();
  assert.notEqual(databases.length, 0);
  for (const { same, differences, to } of databases) assert.deepEqual([to, same, differences], [to, true, []]);
  await subject.assertCopied?.();
}

/** Each object in turn would be too much: the first of the largest stream is cut, and has one bit turned. */
async function refusesDamage(
  installation: Installation,
  manifest: Manifest,
  algorithm: (typeof algorithms)[number],
): Promise<void> {
  if (algorithm !== 'none') {
    const other = await installation.withAnotherKey();
    await assert.rejects(other.restore(manifest, { replace: true }), { code: 'key-wrong' });
  }
  const largest = [...manifest.streams].sort((one, another) => another.storedBytes - one.storedBytes)[0];
  const key = largest?.objects[0]?.key ?? assert.fail('the backup has no object');
  await installation.within(async ({ store }) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await store.get(key)).body) chunks.push(chunk);
    const whole = Buffer.concat(chunks);
    const turned = Buffer.from(whole);
    const middle = Math.floor(whole.length / 2);
    turned[middle] = (turned[middle] ?? 0) ^ 1;
    for (const damaged of [whole.subarray(0, middle), turned]) {
      await store.put(key, damaged);
      const { problems } = await installation.validate(manifest);
      assert.deepEqual(
        problems.map(({ code }) => code),
        ['corrupt'],
      );
      await assert.rejects(installation.restore(manifest, { replace: true }), { code: 'corrupt' });
    }
    await store.put(key, whole);
  });
}
