import assert from 'node:assert/strict';
import type { Manifest } from '../../lib/core/manifest.ts';
import { manifestKey, parseManifestKey } from '../../lib/core/object-keys.ts';
import { beginShared } from '../campaign/begin-shared.ts';
import { readIndependently } from '../campaign/independent-reader.ts';
import { type Lane, openLane } from '../campaign/lane.ts';
import { type Interference, type Played, play } from '../campaign/play.ts';
import type { Shared } from '../campaign/shared.ts';
import type { Contents } from '../campaign/store-contents.ts';
import { openWorld, type Setting, type World } from '../campaign/world.ts';

/** Servers, networks that can be made to fail, and runs of the task program between them. */
export type TaskScene = AsyncDisposable & {
  readonly shared: Shared;
  readonly lane: Lane;
  /** An installation with an empty store. Everything is let through again. @default an S3 store, the small database, AES-GCM */
  open(setting?: Partial<Setting>): Promise<SceneWorld>;
};

export type SceneWorld = World & {
  /** One execution, with what comes between. */
  night(execution: string, interference?: Interference, clock?: () => Date): Promise<Played>;
  /** Fails the test unless the run completed and other code than ours reads its backup whole. */
  whole(played: Played): Promise<Manifest>;
  /** Fails the test unless the run ended under this code and nothing of it is visible in the store but what tells of it. */
  nothingPublished(played: Played, code: string): Promise<Contents>;
};

export async function taskScene(): Promise<TaskScene> {
  await using stack = new AsyncDisposableStack();
  const { shared } = stack.use(await beginShared());
  const { s3, postgres, truths } = shared;
  process.env['AWS_ACCESS_KEY_ID'] = s3.accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] = s3.secretAccessKey;
  process.env['HOLDFAST_PG_BIN'] = postgres.binDir;
  const lane = stack.use(await openLane(shared));
  const kept = stack.move();
  return {
    shared,
    lane,
    async open(more = {}) {
      lane.source.reset();
      lane.s3.inject(() => undefined);
      lane.setCatalog('up');
      const setting: Setting = { store: 's3', source: 'small', algorithm: 'aes-256-gcm', ...more };
      const world = await openWorld({ shared, lane, setting });
      const now = () => new Date();
      return {
        ...world,
        night: (execution, interference = {}, clock = now) => play({ world, lane, execution, clock, interference }),
        async whole(played) {
          assert.equal(
            played.ending,
            'completed',
            `${played.failure?.code}: ${played.failure?.message}\n${played.log}`,
          );
          assert.ok(played.run);
          const key = manifestKey(played.run.target, played.run.backupId);
          const reader = { keyFile: world.keyFile, binDir: postgres.binDir };
          const read = await readIndependently(await world.raw.readAll(), key, reader);
          assert.equal(read.databases[setting.source], truths[setting.source].sql);
          return read.manifest;
        },
        async nothingPublished(played, code) {
          assert.deepEqual([played.ending, played.failure?.code], ['failed', code], played.log);
          const contents = await world.raw.readAll();
          assert.deepEqual(
            [...contents.keys()].filter((key) => parseManifestKey(key) !== undefined),
            [],
          );
          return contents;
        },
      };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
