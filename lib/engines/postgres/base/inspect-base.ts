import { HoldfastError } from '../../../core/errors.ts';
import { type Content, isWholeServer, type StreamRecord } from '../../../core/manifest.ts';
import { parseLsn } from '../replication/lsn.ts';
import { ArchiveInspector, ClusterInspector } from './contents/archive-inspector.ts';
import { ManifestInspector } from './contents/manifest-inspector.ts';
import { PageChecksums } from './contents/page-checksums.ts';
import { WalArchiveInspector } from './contents/wal-archive-inspector.ts';
import { filesWithDamage } from './damaged-pages.ts';

type Inspected = Pick<StreamRecord, 'format' | 'kind' | 'name'> & Partial<Pick<StreamRecord, 'facts' | 'omissions'>>;

/** Reads a stream of a base backup as it passes; undefined when the stream is none of those. */
export function baseInspector(
  stream: Inspected,
): { write(chunk: Uint8Array): void; end(): Content | undefined } | undefined {
  switch (stream.format) {
    case 'pg-backup-manifest':
      return new ManifestInspector();
    case 'pg-tar':
      return isWholeServer(stream) ? clusterInspector(stream) : new ArchiveInspector(pagesOf(stream));
    case 'pg-wal':
      return new WalArchiveInspector();
    default:
      return undefined;
  }
}

/**
 * The server has checked the pages while it sent them; whatever happened to them since, this finds. What the server found itself makes the backup
 * partial, and is no news: its files are left to the hashes of what is stored.
 */
function pagesOf({ facts, omissions }: Pick<Inspected, 'facts' | 'omissions'>): { readonly pages?: PageChecksums } {
  const start = facts?.['startLsn'];
  if (facts?.['checksums'] !== true || typeof start !== 'string') return {};
  const damaged = filesWithDamage(omissions);
  // The server names a file by its place in the cluster, and the archive of a tablespace by its place in that.
  const isDamaged = (name: string): boolean => damaged?.some((file) => `/${file}`.endsWith(`/${name}`)) ?? false;
  return damaged === undefined ? {} : { pages: new PageChecksums(parseLsn(start), isDamaged) };
}

function clusterInspector({ facts, omissions }: Inspected): { write(chunk: Uint8Array): void; end(): Content } {
  const inspector = new ClusterInspector(pagesOf({ facts, omissions }).pages);
  const endLsn = typeof facts?.['endLsn'] === 'string' ? parseLsn(facts['endLsn']) : undefined;
  return {
    write: (chunk) => inspector.write(chunk),
    end() {
      const { content, control } = inspector.end(endLsn);
      const expected = facts?.['systemIdentifier'];
      if (expected !== undefined && expected !== control.systemIdentifier)
        throw new HoldfastError('corrupt', `the archive is of cluster ${control.systemIdentifier}, not ${expected}`);
      return content;
    },
  };
}
