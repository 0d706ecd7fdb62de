import { HoldfastError } from '../../../core/errors.ts';
import type { Content } from '../../../core/manifest.ts';
import type { Comparison, EngineContext, RestorePlan } from '../../engine.ts';
import { factsOf } from '../compare.ts';
import { compareContent, mapDatabases, sumContents } from '../compare-content.ts';
import type { Connection } from '../connection.ts';
import { ContentDigest, typesAndKeys } from '../keys/content-digest.ts';
import { keysDue } from '../keys/expiries.ts';
import type { Session } from '../protocol/session.ts';
import type { KeyRestore } from '../restore.ts';
import type { Server } from '../server.ts';
import type { Transfer } from '../source/open-snapshot.ts';
import { findConflicts } from './find-conflicts.ts';
import type { Lane } from './lanes.ts';
import { type Loaded, loadKeys } from './load-keys.ts';

/** A restore of keys into one server or cluster. */
export type RestoreWork = KeyRestore & {
  readonly session: Session;
  readonly server: Server;
  readonly connection: Connection;
  readonly transfer: Transfer;
};

/** The sessions over which keys go, and which of them a key takes. */
export type Lanes = { readonly lanes: readonly Lane[]; readonly laneOf: (key: Uint8Array) => Lane };

export const emptyLoad = (): Loaded => ({
  keys: 0,
  keysOfStreams: [],
  expired: 0,
  skipped: 0,
  replaced: 0,
  unclaimed: 0,
  leftOut: new ContentDigest(),
  libraries: [],
  expiries: new Map(),
});

/** Makes all keys of the streams, into the databases that the map names. With `onConflict`, what is there already is asked for before anything is changed. */
export async function runLoad(
  context: EngineContext,
  { streams, server }: RestoreWork,
  options: Lanes & {
    readonly databases: ReadonlyMap<number, number>;
    readonly onConflict?: RestorePlan['onConflict'];
    /** Counts on, so that it tells how far a load came that fails. */
    readonly loaded?: Loaded;
  },
): Promise<Loaded> {
  const { lanes, laneOf, databases, onConflict, loaded = emptyLoad() } = options;
  const { signal } = context;
  const conflicts = [];
  if (onConflict) {
    const now = Date.now();
    for (const stream of streams) {
      context.progress({ phase: 'look for conflicts', detail: stream.record.name });
      conflicts.push(await findConflicts(stream, { lanes, laneOf, databases, onConflict, now, signal }));
    }
    const count = conflicts.reduce((sum, one) => sum + one.count, 0);
    if (onConflict === 'fail' && count > 0)
      throw new HoldfastError('target-not-empty', `the destination has ${count} of the backup's keys already`, {
        hint: 'say what becomes of them: --on-conflict skip, or --on-conflict replace',
      });
  }
  for (const [index, stream] of streams.entries()) {
    const { name, plainBytes } = stream.record;
    const progress = (bytes: number): void =>
      context.progress({ phase: 'restore', detail: name, bytes, expectedBytes: plainBytes });
    const load = { server, lanes, laneOf, databases, conflicts: conflicts[index], now: Date.now(), signal, progress };
    const before = loaded.keys;
    await loadKeys(stream, load, loaded).catch((error: unknown) => {
      if (!onConflict || !(error instanceof HoldfastError) || error.code !== 'restore-failed') throw error;
      const hint = 'what was restored until then stays; the same command goes over it again';
      throw new HoldfastError(error.code, error.message, { cause: error, hint });
    });
    loaded.keysOfStreams.push(loaded.keys - before);
  }
  loaded.unclaimed = lanes.reduce((sum, lane) => sum + lane.unclaimed, 0);
  return loaded;
}

/** Holds what a server has against what the streams say, without what was left out of them. `actual` has the backup's own numbers. */
export function compareLoad({ streams, databases }: RestoreWork, loaded: Loaded, actual: Content): Comparison {
  const own = new Map([...databases.keys()].map((database) => [database, database]));
  const contents = streams.flatMap(({ record }) => (record.content ? [record.content] : []));
  const leftOut = loaded.leftOut.content();
  const content = mapDatabases(sumContents(contents, [leftOut]), own);
  // Libraries are made when the keys are known to be right.
  const lacksPending = loaded.unclaimed > 0;
  return compareContent(
    { content, due: keysDueOf(streams, loaded, leftOut), hasLibraries: false, lacksPending },
    actual,
  );
}

/** Of how many keys that were made something may have run out by now, of all streams together. */
function keysDueOf(streams: RestoreWork['streams'], loaded: Loaded, leftOut: Content): ReadonlyMap<string, number> {
  const now = Date.now();
  const due = new Map<string, number>();
  for (const { record } of streams)
    for (const [name, expiries] of Object.entries(factsOf(record).expiries))
      due.set(name, (due.get(name) ?? 0) + keysDue(expiries, now));
  // What had run out when it was its turn was not made.
  for (const { schema, name, rows } of leftOut.tables) {
    const known = due.get(`${schema} ${name}`);
    if (known !== undefined) due.set(`${schema} ${name}`, Math.max(known - rows, 0));
  }
  for (const [name, histogram] of loaded.expiries) due.set(name, keysDue(histogram.expiries(), now));
  return due;
}

/**
 * What there is to say when nothing was read back: the server took every command, and what came out of the streams are as many keys as the manifest
 * counts. `why` it could not be; left out where nobody asked for it.
 */
export function countedOnly({ streams, databases }: RestoreWork, loaded: Loaded, why?: string): Comparison {
  const { keys, expired, skipped, leftOut } = loaded;
  const contents = streams.flatMap(({ record }) => (record.content ? [record.content] : []));
  const expected = mapDatabases(sumContents(contents), databases).tables.reduce((sum, { rows }) => sum + rows, 0);
  const found = keys + expired + skipped;
  const differences =
    contents.length < streams.length || found === expected
      ? []
      : [`${found} keys came out of the backup, which has ${expected}`];
  return {
    same: differences.length === 0,
    words: typesAndKeys,
    proof: 'loaded',
    collectionsCompared: mapDatabases(sumContents(contents, [leftOut.content()]), databases).tables.length,
    itemsCompared: keys,
    differences,
    remarks: [
      `${why === undefined ? '' : `${why}: `}the server took every key without a complaint; none was read back`,
    ],
  };
}

/**
 * What there is to say of each stream. All of them were read back together: each is told to have the keys that were made of it, and what is
 * true of all is said once, with the first.
 */
export function comparisonsOf(
  { streams, server, databases }: RestoreWork,
  loaded: Loaded,
  comparison: Comparison,
  remarks: readonly string[] = [],
): readonly Comparison[] {
  const isOne = streams.length === 1 || comparison.collectionsCompared === 0;
  return streams.map(({ record }, index) => ({
    ...comparison,
    ...(!isOne && {
      collectionsCompared: mapDatabases(record.content ?? { tables: [] }, databases).tables.length,
      itemsCompared: loaded.keysOfStreams[index] ?? 0,
    }),
    remarks: index === 0 ? [...comparison.remarks, ...remarksOf(loaded, server), ...remarks] : [],
  }));
}

/** What a person should know beside differences. */
function remarksOf(loaded: Loaded, server: Server): readonly string[] {
  return [
    ...(loaded.expired > 0 ? [`${loaded.expired} keys have run out since the backup, and were not restored`] : []),
    ...(loaded.skipped > 0 ? [`${loaded.skipped} keys were there already, and were left as they are`] : []),
    ...(loaded.replaced > 0 ? [`${loaded.replaced} keys were there already, and were replaced`] : []),
    ...(loaded.unclaimed > 0
      ? [`${loaded.unclaimed} pending entries of deleted messages were not restored: no command makes them`]
      : []),
    ...(server.isAppendOnly
      ? ['the server keeps an append-only file; what was restored is in it, and outlives a restart']
      : []),
  ];
}

/** The failure of a copy that is not what it should be. */
export function comparisonFailed(where: string, { differences }: Comparison): HoldfastError {
  return new HoldfastError(
    'comparison-failed',
    `the restored copy differs from the backup: ${differences.slice(0, 3).join('; ')}`,
    {
      hint: `${where}; nothing was replaced`,
    },
  );
}
