import path from 'node:path';
import type { ReachedPoint } from '../../../core/recovery-point.ts';
import { serverAccount } from '../../../servers/server-account.ts';
import type { EngineContext, RestorePlan } from '../../engine.ts';
import { findExactServer, type ServerPrograms } from '../server-programs.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import { completeDataFolder, type DataFolder, openDataFolder } from './data-folder.ts';
import type { RecoveryPlan } from './plan-recovery.ts';
import { recover } from './recover.ts';
import { openRecoveryServer, type RecoveryServer } from './recovery-server.ts';
import { openScratchFolder } from './scratch-folder.ts';
import { chainOf, parentBytes, requireRoomFor, unpackBackup } from './unpack-backup.ts';
import { placedIn } from './unpack-cluster.ts';
import type { Unpacked } from './unpack-tar.ts';

type Context = Pick<EngineContext, 'progress' | 'signal' | 'parallelJobs'>;
type Plan = Pick<RestorePlan, 'reader'> & {
  readonly recovery: RecoveryPlan;
  readonly streams: readonly Pick<RestorePlan['streams'][number], 'record' | 'open'>[];
};

/** A cluster that was recovered to be looked into, and is gone with its folder when it is disposed of. */
export type ScratchCluster = AsyncDisposable & {
  readonly base: ClusterFacts;
  readonly programs: ServerPrograms;
  readonly data: DataFolder;
  readonly server: RecoveryServer;
  readonly reached: ReachedPoint;
  readonly unpacked: Unpacked;
  /** Of the backups that the restored one builds on. */
  readonly parentBytes: number;
};

/**
 * Recovers a cluster in a private folder of this machine, where its server takes questions through a socket. Nothing of it is to outlive this
 * process, so nothing waits for the disk; a watchdog removes the folder when this process is gone, be it by SIGKILL.
 */
export async function openScratchCluster(
  context: Context,
  plan: Plan,
  options: {
    /** What it is called that the disk is too small. */
    readonly tooSmall: Parameters<typeof requireRoomFor>[2];
    /** @default - none beside those that keep it private */
    readonly settings?: Readonly<Record<string, string>>;
  },
): Promise<ScratchCluster> {
  const { recovery } = plan;
  const { base } = recovery;
  const chain = await chainOf(plan);
  const programs = findExactServer(base.major, { account: serverAccount() });

  await using made = new AsyncDisposableStack();
  const { folder, watchdog } = made.use(openScratchFolder());
  const places = placedIn(path.join(folder, 'tablespaces'), base.tablespaces);
  requireRoomFor(chain, { data: folder, tablespaces: places }, options.tooSmall);
  const data = openDataFolder(path.join(folder, 'data'));
  const tablespaces = places.map((place) => ({ ...place, folder: openDataFolder(place.folder) }));
  made.defer(() => {
    for (const { hold } of [data, ...tablespaces.map((place) => place.folder)]) hold.release();
  });
  const unpacked = await unpackBackup(context, chain, { data, tablespaces });
  completeDataFolder(data);
  const server = made.use(
    openRecoveryServer({
      ...{ programs, data, isFleeting: true, home: { folder, watchdog } },
      ...(options.settings && { settings: options.settings }),
    }),
  );
  const reached = await recover(context, { ...recovery, data, server });
  const kept = made.move();
  return {
    ...{ base, programs, data, server, reached, unpacked, parentBytes: parentBytes(chain) },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
