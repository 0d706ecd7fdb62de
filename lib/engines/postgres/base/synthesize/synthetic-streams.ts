import { createReadStream } from 'node:fs';
import path from 'node:path';
import { HoldfastError } from '../../../../core/errors.ts';
import { type Content, isWholeServer, type Manifest, type StreamRecord } from '../../../../core/manifest.ts';
import type { CaptureResult, CaptureStream } from '../../../engine.ts';
import { clusterFactsOf } from '../../recover/cluster-facts.ts';
import { ArchiveInspector, ClusterInspector } from '../contents/archive-inspector.ts';
import { requireSameFiles } from '../contents/compare-files.ts';
import { ManifestInspector } from '../contents/manifest-inspector.ts';
import { PageChecksums } from '../contents/page-checksums.ts';
import { archiveFolder } from './folder-archive.ts';

/** What a chain was combined to: the data folder with its manifest, and the tablespaces. */
export type Combined = {
  readonly data: string;
  readonly tablespaces: readonly { readonly oid: string; readonly location: string; readonly folder: string }[];
};

const manifestName = 'backup_manifest';

/**
 * The streams of a backup that was combined on this machine: archives as a server sends them, each proved as it passes. `last` is the backup at the
 * chain's end, whose point it has; `listed` are the files of the manifest that was made with it, all of which have to be in the archives.
 */
export function syntheticStreams(
  combined: Combined,
  { last, listed }: { readonly last: Manifest; readonly listed: Content },
): readonly CaptureStream[] {
  const cluster = last.streams.find(isWholeServer) as StreamRecord;
  const { checksums, startLsn } = clusterFactsOf(cluster);
  // No server has checked the pages while it sent them: what was wrong with them is found here.
  const pages = () => (checksums ? { pages: new PageChecksums(startLsn) } : {});
  const archived = combined.tablespaces.map(() => Promise.withResolvers<Content>());
  // Whoever waits is told; when nobody does, the run has failed already.
  for (const { promise } of archived) promise.catch(() => {});

  const tablespaces = combined.tablespaces.map(({ oid, location, folder }, index): CaptureStream => {
    const about = { stream: `tablespace-${oid}`, kind: 'tablespace', name: location, format: 'pg-tar' };
    return streamOf(about, async () => {
      const inspector = new ArchiveInspector({ prefix: `pg_tblspc/${oid}/`, ...pages() });
      let content: Content | undefined;
      async function* proved(): AsyncGenerator<Uint8Array, void> {
        try {
          yield* passed(archiveFolder(folder), inspector);
          content = inspector.end();
          archived[index]?.resolve(inspector.listed());
        } finally {
          archived[index]?.reject(new HoldfastError('dump-incomplete', `tablespace ${oid} was not archived`));
        }
      }
      return {
        bytes: proved(),
        result: () => ({ content, facts: factsOfTablespace(last, oid) ?? { oid, location } }),
      };
    });
  });

  const whole = streamOf({ stream: 'cluster', kind: 'cluster', name: cluster.name, format: 'pg-tar' }, async () => {
    const inspector = new ClusterInspector(pages().pages);
    let result: CaptureResult = { content: undefined, facts: {} };
    async function* proved(): AsyncGenerator<Uint8Array, void> {
      const archive = archiveFolder(combined.data, { without: [manifestName], last: 'global/pg_control' });
      yield* passed(archive, inspector);
      result = { content: concluded(inspector, cluster), facts: factsOf(cluster, last) };
      const others = await Promise.all(archived.map(({ promise }) => promise));
      requireSameFiles(withoutWal(listed), [inspector.listed(), ...others].map(withoutWal));
    }
    return { bytes: proved(), result: () => result };
  });

  const manifest = streamOf(
    { stream: 'backup-manifest', kind: 'backup-manifest', name: manifestName, format: 'pg-backup-manifest' },
    async () => {
      const inspector = new ManifestInspector();
      let content: Content | undefined;
      async function* proved(): AsyncGenerator<Uint8Array, void> {
        yield* passed(createReadStream(path.join(combined.data, manifestName)), inspector);
        content = inspector.end();
      }
      return { bytes: proved(), result: () => ({ content, facts: {} }) };
    },
  );
  return [...tablespaces, whole, manifest];
}

const streamOf = (
  about: Pick<CaptureStream, 'stream' | 'kind' | 'name' | 'format'>,
  open: CaptureStream['open'],
): CaptureStream => ({ ...about, expectedBytes: 0, isSummed: about.format === 'pg-tar', open });

async function* passed(
  bytes: AsyncIterable<Uint8Array>,
  inspector: { write(bytes: Uint8Array): void },
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of bytes) {
    inspector.write(chunk);
    yield chunk;
  }
}

/** Throws `dump-incomplete` for an archive that is not what the chain's last backup stands for. */
function concluded(inspector: ClusterInspector, cluster: StreamRecord): Content {
  const { systemIdentifier, startLsn, endLsn } = clusterFactsOf(cluster);
  const { content, label, control } = inspector.end(endLsn);
  if (
    control.systemIdentifier === systemIdentifier &&
    label.startLsn === startLsn &&
    label.parentStartLsn === undefined
  )
    return content;
  throw new HoldfastError('dump-incomplete', 'what the chain was combined to is not the backup at its end');
}

/** The point is that of the chain's end, and so is the moment from which a log goes on. */
function factsOf({ facts }: StreamRecord, { endedAt }: Manifest): StreamRecord['facts'] {
  const { parentStartLsn: _, restedSeconds: __, ...kept } = facts;
  return { ...kept, consistentAt: facts['consistentAt'] ?? endedAt };
}

const factsOfTablespace = ({ streams }: Manifest, oid: string): StreamRecord['facts'] | undefined =>
  streams.find(({ kind, facts }) => kind === 'tablespace' && String(facts['oid']) === oid)?.facts;

/** The combining program lists nothing of the WAL, which is proved by itself. */
const withoutWal = ({ tables }: Content): Content => ({
  tables: tables.filter(({ name }) => name !== 'pg_wal' && !name.startsWith('pg_wal/')),
});
