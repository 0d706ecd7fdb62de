import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import { describePoint, type ReachedPoint, type RecoveryPoint } from '../../../core/recovery-point.ts';
import type { EngineContext, LogReader } from '../../engine.ts';
import { stopReason } from '../../stop-reason.ts';
import { connect } from '../connection.ts';
import { formatLsn, parseLsn } from '../replication/lsn.ts';
import type { TimelineFork } from '../replication/timeline-history.ts';
import { parseSegmentName, segmentStart } from '../replication/wal-segments.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import type { DataFolder } from './data-folder.ts';
import { type LogFeed, openLogFeed } from './log-feed.ts';
import type { LogPath } from './log-path.ts';
import { type RecoveryStory, readRecoveryLog } from './recovery-log.ts';
import type { RecoveryServer } from './recovery-server.ts';
import { targetSettings } from './recovery-settings.ts';

export type Recovery = {
  readonly base: ClusterFacts;
  readonly point: RecoveryPoint;
  /** The log, and the way along it; the backup's own WAL is all there is otherwise. */
  readonly along: { readonly log: LogReader; readonly path: LogPath } | undefined;
  /** Was the timeline asked for? Otherwise a time may be another's than it has. */
  readonly isTimelineNamed: boolean;
  readonly data: DataFolder;
  readonly server: RecoveryServer;
};

type Context = Pick<EngineContext, 'progress' | 'signal' | 'parallelJobs'>;

/**
 * Starts the server on the unpacked backup, and has it apply the log up to the point and open a timeline of its own. When it resolves the server
 * takes questions. Rejects with `point-unreachable` when the point was not reached, with the last one that can be; the server never stops elsewhere without a word.
 */
export async function recover(context: Context, recovery: Recovery): Promise<ReachedPoint> {
  const { data, server, along, point } = recovery;
  writeOwned(data, 'recovery.signal', '');
  const folder = path.join(data.work, 'log');
  mkdirSync(folder, { mode: 0o700 });
  if (data.account) chownSync(folder, data.account.uid, data.account.gid);
  const { segmentBytes } = recovery.base;
  const expectedBytes = (along?.path.names.length ?? 0) * segmentBytes;
  const feed =
    along &&
    (await openLogFeed({
      folder,
      data: data.path,
      account: data.account,
      log: along.log,
      names: along.path.names,
      ahead: Math.max(4, 2 * context.parallelJobs),
      signal: context.signal,
      onTaken: (name, count) => {
        const place = parseSegmentName(name, segmentBytes);
        const detail = place === undefined ? name : formatLsn(place.start);
        context.progress({ phase: 'recover', detail, bytes: count * segmentBytes, expectedBytes });
      },
    }));
  const onAbort = (): void => void server[Symbol.asyncDispose]();
  context.signal.addEventListener('abort', onAbort, { once: true });
  try {
    context.progress({ phase: 'recover', detail: describePoint(point) });
    const story = await applied(recovery, feed);
    return await whereItIs(recovery, story);
  } catch (error) {
    if (context.signal.aborted) throw stopReason(context.signal, 'the recovery');
    throw error;
  } finally {
    context.signal.removeEventListener('abort', onAbort);
    await feed?.[Symbol.asyncDispose]();
  }
}

async function applied(recovery: Recovery, feed: LogFeed | undefined): Promise<RecoveryStory> {
  const { along, point, server, base } = recovery;
  const way = {
    restore_command: feed?.command ?? 'false',
    recovery_target_timeline:
      along === undefined || along.path.timeline === base.timeline ? 'current' : String(along.path.timeline),
  };
  // Nothing begins at the log's end, where the server could stop: it is where it ends by itself.
  const isEnd = point.kind === 'lsn' && along !== undefined && parseLsn(point.value) === along.path.reachable.lsn;
  const first = await attempt(server, { ...way, ...(isEnd ? {} : targetSettings(point)) });
  if (first.failure === undefined) return first.story;
  if (!first.story.missedTarget || !(await isBeyondLastCommit(recovery))) throw explained(recovery, feed, first);
  // Nothing was committed between the log's last transaction and the point: the end of the log is what the server was at that moment.
  const second = await attempt(server, way);
  if (second.failure !== undefined) throw explained(recovery, feed, second);
  return second.story;
}

type Attempt = { readonly story: RecoveryStory; readonly failure: unknown };

async function attempt(server: RecoveryServer, settings: Readonly<Record<string, string>>): Promise<Attempt> {
  try {
    await server.start(settings);
    return { story: readRecoveryLog(server.log()), failure: undefined };
  } catch (failure) {
    return { story: readRecoveryLog(server.log()), failure };
  }
}

/** Is it known that the log in the store is all there was at the moment that was asked for? */
async function isBeyondLastCommit({ point, along }: Recovery): Promise<boolean> {
  if (point.kind !== 'time' || along === undefined) return false;
  const covered = await along.log.covered();
  return (
    covered?.timeline === along.path.timeline &&
    Date.parse(covered.at) >= Date.parse(point.value) &&
    parseLsn(covered.lsn) <= along.path.reachable.lsn
  );
}

function explained(
  { point, along, base }: Recovery,
  feed: LogFeed | undefined,
  { story, failure }: Attempt,
): HoldfastError {
  const ofFeed = feed?.failure();
  if (ofFeed instanceof HoldfastError) return ofFeed;
  if (story.tooEarly)
    return new HoldfastError(
      'point-unreachable',
      `${describePoint(point)} is before the backup is consistent, which it is at ${formatLsn(base.endLsn)}`,
      { cause: failure, hint: "take an earlier backup: 'holdfast list' shows them" },
    );
  if (story.missedTarget) {
    const end = along === undefined ? base.endLsn : along.path.reachable.lsn;
    const lastCommit =
      story.lastCommit === undefined ? '' : `, its last transaction was committed at ${story.lastCommit}`;
    const missing = along === undefined ? '' : `; segment '${along.path.firstMissing}' is not in the store`;
    return new HoldfastError(
      'point-unreachable',
      `${describePoint(point)} was not reached: the log ends at ${formatLsn(end)}${lastCommit}${missing}`,
      { cause: failure, hint: `the last point that can be reached is ${formatLsn(end)}: --to-latest` },
    );
  }
  const why = story.fatal ?? (failure instanceof Error ? failure.message : String(failure));
  return new HoldfastError('restore-failed', `the restored cluster does not recover: ${why}`, { cause: failure });
}

/** Where the server says it is, held against what was asked for (R5). */
async function whereItIs(
  { server, point, along, base, isTimelineNamed }: Recovery,
  story: RecoveryStory,
): Promise<ReachedPoint> {
  const client = await connect(await server.connection(), 'template1');
  try {
    const { rows } = await client.query<{ timeline: string; position: string | null; at: Date | null }>(
      `select pg_walfile_name(pg_current_wal_insert_lsn()) as timeline, pg_last_wal_replay_lsn()::text as position,
              pg_last_xact_replay_timestamp() as at`,
    );
    const [row] = rows;
    // A server that had to be started once more, to be asked for a superuser, has forgotten; its log has not.
    const at = row?.at ?? (story.lastCommit === undefined ? null : new Date(story.lastCommit));
    const reached: ReachedPoint = {
      timeline: Number.parseInt(row?.timeline.slice(0, 8) ?? '', 16),
      position: row?.position ?? story.lastRecord ?? formatLsn(base.endLsn),
      at: at?.toISOString() ?? null,
    };
    requireThere(point, reached, { story, along, base });
    if (!isTimelineNamed && point.kind === 'time') requireOnOneTimeline(point, reached, along?.path.forks ?? []);
    return reached;
  } finally {
    await client.end();
  }
}

function requireThere(
  point: RecoveryPoint,
  reached: ReachedPoint,
  { story, along, base }: { readonly story: RecoveryStory } & Pick<Recovery, 'along' | 'base'>,
): void {
  if (story.stoppedBy !== undefined) return;
  // The server ends at the first record that is not whole. Where that is not in the last segment, the log is damaged there.
  const end = along === undefined ? base.endLsn : along.path.reachable.lsn;
  if (parseLsn(reached.position) >= segmentStart(end - 1n, base.segmentBytes)) return;
  throw new HoldfastError(
    'point-unreachable',
    `${describePoint(point)} was not reached: the log goes to ${formatLsn(end)}, and cannot be read beyond ${reached.position}`,
    { hint: `a segment there is damaged; ${lastPoint(story)}` },
  );
}

/** A backup that nothing was written after, a standby's or one of a server that had been stopped, has no record to apply. */
const lastPoint = ({ lastRecord }: RecoveryStory): string =>
  lastRecord === undefined
    ? 'nothing of the log can be applied: leave the point out to restore the backup itself'
    : `--to-lsn ${lastRecord} is the last point that can be reached`;

/**
 * A recovery to a moment leaves the log from that moment on behind, on a timeline of its own. A time that lies there is not on the newer timeline,
 * where nothing was committed until much later: the state from before that moment is not what was there at that time.
 */
function requireOnOneTimeline(
  point: Extract<RecoveryPoint, { readonly kind: 'time' }>,
  reached: ReachedPoint,
  forks: readonly TimelineFork[],
): void {
  const asked = Date.parse(point.value);
  for (const { timeline, end, reason } of forks) {
    const left = Date.parse(/^(?:before|after) (\d{4}-\d\d-\d\d .*)$/.exec(reason)?.[1] ?? '');
    if (!(asked >= left) || (reached.at !== null && Date.parse(reached.at) > left)) continue;
    throw new HoldfastError(
      'point-unreachable',
      `${describePoint(point)} is of timeline ${timeline}, which was left at ${formatLsn(end)} by a recovery to ${reason}; on the newer one nothing was committed between then and that time`,
      {
        hint: `say --timeline ${timeline} for what was there at that time, or an earlier time for what was recovered then`,
      },
    );
  }
}

function writeOwned({ path: folder, account }: DataFolder, name: string, text: string): void {
  const file = path.join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  if (account) chownSync(file, account.uid, account.gid);
}
