import path from 'node:path';
import pLimit from 'p-limit';
import { HoldfastError } from '../../../core/errors.ts';
import type { StreamRecord } from '../../../core/manifest.ts';
import type { EngineContext } from '../../engine.ts';
import { clusterAmong } from './cluster-facts.ts';
import { type DataFolder, unpackedName } from './data-folder.ts';
import { removeUnlisted } from './remove-unlisted.ts';
import type { Tablespace } from './tablespaces.ts';
import { type Unpacked, unpackTar } from './unpack-tar.ts';

/** The archives of one backup. */
export type ClusterArchives = {
  readonly cluster: Archive;
  readonly tablespaces: readonly Archive[];
  /** The server's own manifest of them. @default - a range of WAL has none */
  readonly manifest?: Archive | undefined;
};
export type Archive = { readonly record: StreamRecord; open(): AsyncIterable<Uint8Array> };

type Context = Pick<EngineContext, 'progress' | 'signal' | 'parallelJobs'>;

/** The archives among a backup's streams. Throws `object-missing` when there is none of the cluster itself. */
export const archivesAmong = (streams: readonly Archive[], of: string): ClusterArchives => ({
  cluster: clusterAmong(streams, of),
  tablespaces: streams.filter(({ record }) => record.kind === 'tablespace'),
  manifest: streams.find(({ record }) => record.kind === 'backup-manifest'),
});

/** The tablespace that an archive is of, as the source's catalog numbers it. */
export const oidOf = ({ record }: Archive): string =>
  String(record.facts['oid'] ?? record.stream.replace(/^tablespace-/, ''));

/** The bytes of the archives, which are those of the files in them but for a little. */
export const archivedBytes = ({ cluster, tablespaces }: ClusterArchives): number =>
  [cluster, ...tablespaces].reduce((sum, { record }) => sum + record.plainBytes, 0);

/**
 * Unpacks a backup's archives side by side, each into its folder, as their bytes come. `pg_control` is left aside. The tablespaces are not linked.
 */
export async function unpackCluster(
  context: Context,
  { cluster, tablespaces }: ClusterArchives,
  into: {
    readonly data: Pick<DataFolder, 'path' | 'account'>;
    readonly places: readonly (Tablespace & { readonly folder: string })[];
    /** @default - unpackedName: as a data directory that is not complete yet */
    readonly nameOf?: (name: string) => string | undefined;
    /** Does it go over the one that it builds on? Then what it does not hold is removed. @default false */
    readonly isOver?: boolean;
  },
): Promise<Unpacked> {
  const { data, places, nameOf = unpackedName, isOver = false } = into;
  const limit = pLimit(Math.max(1, context.parallelJobs));
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const expectedBytes = archivedBytes({ cluster, tablespaces });
  const seen = new Map<Archive, number>();
  const unpack = async (archive: Archive, folder: string): Promise<Unpacked> => {
    const names = new Set<string>();
    const unpacked = await unpackTar(archive.open(), folder, {
      account: data.account,
      nameOf: archive === cluster ? nameOf : (name) => name,
      ...(isOver && { onOver: (name: string) => names.add(name) }),
      signal,
      onBytes: (count) => {
        seen.set(archive, count);
        const bytes = [...seen.values()].reduce((sum, one) => sum + one, 0);
        context.progress({ phase: 'unpack', detail: cluster.record.name, bytes, expectedBytes });
      },
    });
    if (isOver) removeUnlisted(folder, names);
    return unpacked;
  };
  const work = [
    ...tablespaces.map((archive) => {
      const place = places.find(({ oid }) => oid === oidOf(archive));
      if (place === undefined)
        throw new HoldfastError(
          'corrupt',
          `the backup has an archive of tablespace ${oidOf(archive)}, which it does not list`,
        );
      return () => unpack(archive, place.folder);
    }),
    () => unpack(cluster, data.path),
  ];
  const settled = await Promise.allSettled(
    work.map((one) =>
      limit(one).catch((error: unknown) => {
        stop.abort(error);
        throw error;
      }),
    ),
  );
  const failed = settled.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw stop.signal.reason ?? failed.reason;
  const all = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  return {
    files: all.reduce((sum, { files }) => sum + files, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** The folder of a tablespace in a chain's stage, or wherever else links to it are to lead. */
export const placedIn = (
  folder: string,
  tablespaces: readonly Pick<Tablespace, 'oid'>[],
): readonly (Tablespace & { readonly folder: string })[] =>
  tablespaces.map(({ oid }) => {
    const location = path.join(folder, oid);
    return { oid, location, folder: location };
  });
