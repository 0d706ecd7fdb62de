import { createHash, type Hash } from 'node:crypto';
import { HoldfastError } from '../../../../core/errors.ts';
import type { Content, ContentWords } from '../../../../core/manifest.ts';
import { TarReader } from '../../../application/tar/tar-reader.ts';
import { formatLsn, type Lsn } from '../../replication/lsn.ts';
import { parseSegmentName } from '../../replication/wal-segments.ts';
import { FolderSums } from './folder-sums.ts';
import { WalInspector } from './wal-inspector.ts';

const timelinesAndSegments: ContentWords = { collection: 'timeline', item: 'segment' };

/** Reads an archive of WAL segments, each of which has to follow the one before. Throws `corrupt` and `dump-incomplete`. */
export class WalArchiveInspector {
  readonly #reader: TarReader;
  readonly #sums = new FolderSums();
  readonly #wal = new WalInspector();
  #first: { readonly timeline: number; readonly start: Lsn } | undefined;
  #end: Lsn = 0n;

  constructor() {
    let name = '';
    let sizeBytes = 0;
    let hash: Hash = createHash('sha256');
    this.#reader = new TarReader({
      begin: ({ path, size }) => {
        name = path.toString('latin1').replace(/^pg_wal\//, '');
        sizeBytes = size;
        hash = createHash('sha256');
        this.#begin(name, size);
        this.#wal.begin(name, size);
      },
      data: (bytes) => {
        hash.update(bytes);
        this.#wal.push(bytes);
      },
      end: () => {
        this.#sums.add({ path: `${name.slice(0, 8)}/${name}`, sizeBytes, sha256: hash.digest('hex') });
        return undefined;
      },
    });
  }

  write(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  end(): Content {
    this.#reader.end();
    if (this.#first === undefined) throw new HoldfastError('dump-incomplete', 'the archive holds no WAL');
    this.#wal.requireFrom({ lsn: this.#first.start, timeline: this.#first.timeline }, this.#end);
    return { ...this.#sums.content(), words: timelinesAndSegments };
  }

  /** Where the WAL that has passed ends. */
  get endLsn(): Lsn {
    return this.#end;
  }

  #begin(name: string, sizeBytes: number): void {
    const place = sizeBytes > 0 ? parseSegmentName(name, sizeBytes) : undefined;
    if (place === undefined || (this.#first !== undefined && place.start !== this.#end))
      throw new HoldfastError(
        'corrupt',
        `the archive has '${name}' where the WAL from ${formatLsn(this.#end)} on was to come`,
      );
    this.#first ??= place;
    this.#end = place.start + BigInt(sizeBytes);
  }
}
