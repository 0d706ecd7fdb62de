import path from 'node:path';
import { foldersAndFiles } from '../../../core/content-words.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { firstFew } from '../../../core/first-few.ts';
import type { ReachedPoint } from '../../../core/recovery-point.ts';
import type { RestoreProof } from '../../../core/restore-proof.ts';
import type { EngineContext, RestorePlan, RestoreResult } from '../../engine.ts';
import { notExamined } from '../examine-structures.ts';
import { findExactServer, type ServerPrograms } from '../server-programs.ts';
import { announceHistory } from './announce-history.ts';
import { clusterAmong, clusterFactsOf } from './cluster-facts.ts';
import {
  completeDataFolder,
  type DataFolder,
  handOver,
  openDataFolder,
  requirePassable,
  takeBack,
} from './data-folder.ts';
import { examineChecksums, examineDatabases } from './examine-cluster.ts';
import { findResetProgram, giveNewIdentity } from './give-new-identity.ts';
import { knownDamage } from './known-damage.ts';
import { planRecovery, type RecoveryPlan } from './plan-recovery.ts';
import { recover } from './recover.ts';
import { openRecoveryServer, releaseSettings } from './recovery-server.ts';
import { placesOfTablespaces } from './tablespaces.ts';
import { chainOf, parentBytes, requireRoomFor, unpackBackup } from './unpack-backup.ts';

/**
 * Restores a base backup into a folder, as the data directory of a server: unpacked, recovered to the point, examined, and stopped in order.
 *
 * Invariant: nothing that exists is changed; the folder and those of tablespaces are new or empty, and marked until all is done (`openDataFolder`
 * says what a crash leaves). The server that recovers is reached by nobody else, and archives nothing. What failed is removed again.
 */
export async function restoreCluster(context: EngineContext, plan: RestorePlan): Promise<RestoreResult> {
  const stream = clusterAmong(plan.streams);
  const base = clusterFactsOf(stream.record);
  const folder = folderNamed(stream.destination);
  const isStarted = plan.start ?? true;
  const { newIdentity: isIdentityNew = false } = plan;
  if (!isStarted && plan.point !== undefined)
    throw new HoldfastError('usage', 'a point is reached by a server that is started');

  context.progress({ phase: 'preflight' });
  const recovery = await planRecovery(base, plan);
  const places = placesOfTablespaces(base, folder, plan.folders);
  const chain = await chainOf(plan);
  const opened: DataFolder[] = [];
  let isDone = false;
  try {
    const open = (one: string): DataFolder => {
      const data = openDataFolder(one);
      opened.push(data);
      requirePassable(data);
      return data;
    };
    const data = open(folder);
    // What is missing here is said before anything is fetched.
    const programs = isStarted ? findExactServer(base.major, { account: data.account }) : undefined;
    const resetProgram = programs && isIdentityNew ? findResetProgram(programs) : undefined;
    requireRoomFor(chain, { data: folder, tablespaces: places }, 'preflight-failed');
    const tablespaces = places.map((place) => ({ ...place, folder: open(place.location) }));
    const unpacked = await unpackBackup(context, chain, { data, tablespaces });
    completeDataFolder(data);

    const recovered = programs
      ? await recoverAndExamine(context, {
          data,
          programs,
          recovery,
          isExamined: plan.comparison !== 'loaded',
          resetProgram,
          isKnown: knownDamage(stream.record.omissions),
        })
      : notStarted;
    releaseSettings(data, { archive_mode: 'off' }, 'Holdfast: a copy archives nothing over what its source archives');
    const remarks = [...recovered.remarks, archivesNothing];
    const result = (more: readonly string[] = []): RestoreResult => ({
      ...(recovered.reached && { reached: recovered.reached }),
      parentBytes: parentBytes(chain),
      restored: [
        {
          stream: stream.record.stream,
          database: folder,
          comparison: {
            same: true,
            proof: recovered.proof,
            words: foldersAndFiles,
            collectionsCompared: 1 + places.length,
            itemsCompared: unpacked.files,
            differences: [],
            remarks: [...remarks, ...more],
          },
        },
      ],
    });
    if (plan.cutOver === false) return result([rehearsed(recovered.proof)]);
    context.progress({ phase: 'sync' });
    await handOver(opened.toReversed());
    isDone = true;
    return result();
  } finally {
    if (!isDone) for (const one of opened.toReversed()) takeBack(one);
  }
}

type Recovered = {
  readonly proof: RestoreProof;
  readonly reached?: ReachedPoint;
  readonly remarks: readonly string[];
};

async function recoverAndExamine(
  context: EngineContext,
  {
    data,
    programs,
    recovery,
    isExamined,
    resetProgram,
    isKnown,
  }: {
    readonly data: DataFolder;
    readonly programs: ServerPrograms;
    readonly recovery: RecoveryPlan;
    readonly isExamined: boolean;
    /** By which the cluster gets an identity of its own. @default - it keeps its source's */
    readonly resetProgram: string | undefined;
    /** Of what is found, what was so on the source: a backup that tells of it is restored all the same. */
    readonly isKnown: (finding: string) => boolean;
  },
): Promise<Recovered> {
  await using server = openRecoveryServer({ programs, data, isFleeting: false });
  const reached = await recover(context, { ...recovery, data, server });
  const structures = isExamined ? await examineDatabases(context, await server.connection()) : notExamined;
  await server.stop();
  // The pages are looked at afterwards, so that what is handed over is what was examined.
  const identifier = resetProgram && (await giveNewIdentity(context, { resetProgram, data, server }));
  announceHistory(data, reached.timeline);
  const { checksums } = recovery.base;
  const sums = isExamined ? await examineChecksums(context, { programs, data, checksums }) : notExamined;
  const problems = [...structures.problems, ...sums.problems].filter((finding) => !isKnown(finding));
  if (problems.length > 0)
    throw new HoldfastError('copy-damaged', `the recovered cluster is damaged: ${problems.slice(0, 5).join('; ')}`);
  const unread = structures.problems.filter(isKnown);
  const at = reached.at === null ? '' : `, its last transaction of ${reached.at}`;
  return {
    proof: isExamined ? 'examined' : 'recovered',
    reached,
    remarks: [
      `recovered to ${reached.position}, goes on along timeline ${reached.timeline}${at}`,
      ...(identifier === undefined
        ? []
        : [`its system identifier is now ${identifier}; standbys of the source cannot follow it`]),
      isExamined
        ? `${structures.relations - unread.length} tables and indexes are sound`
        : "not examined: no index and no page was looked at; comparison 'full' does that, and pg_amcheck at any time",
      ...(unread.length === 0 ? [] : [`as on the source, not to be read as a whole: ${firstFew(unread)}`]),
      ...structures.remarks,
      ...sums.remarks,
    ],
  };
}

const notStarted: Recovered = {
  proof: 'unpacked',
  remarks: [
    "not started, not examined: its first start recovers it to the backup's own point, from the WAL that came with it",
  ],
};
const archivesNothing =
  "its postgresql.auto.conf sets archive_mode to 'off': when it takes its source's place, 'alter system reset archive_mode' and restart it";
const rehearsed = (proof: RestoreProof): string =>
  `a rehearsal (recovery.mode is 'test'): the copy was removed after it had been ${proof}`;

/** The folder that a cluster is restored into. Throws `usage` for what is no path. */
function folderNamed(destination: string): string {
  if (path.isAbsolute(destination) || /^\.{1,2}\//.test(destination)) return path.resolve(destination);
  throw new HoldfastError('usage', `a cluster is restored into a folder, and '${destination}' is no path of one`, {
    hint: 'name the folder with --as, e.g. --as /srv/postgres-restored; or choose databases with --database',
  });
}
