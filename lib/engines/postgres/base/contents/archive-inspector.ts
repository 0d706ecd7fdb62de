import { createHash, type Hash } from 'node:crypto';
import { HoldfastError } from '../../../../core/errors.ts';
import type { Content } from '../../../../core/manifest.ts';
import { isInside } from '../../../application/tar/inspect-tar.ts';
import { TarReader, type TarVisitor } from '../../../application/tar/tar-reader.ts';
import type { Entry } from '../../../application/tree/entry.ts';
import type { Lsn } from '../../replication/lsn.ts';
import { type BackupLabel, parseBackupLabel } from './backup-label.ts';
import { type ControlFile, parseControlFile } from './control-file.ts';
import { FolderSums } from './folder-sums.ts';
import type { PageChecksums } from './page-checksums.ts';
import { WalInspector } from './wal-inspector.ts';

/** What the archive of a cluster says of itself. */
export type ClusterContent = {
  readonly content: Content;
  readonly label: BackupLabel;
  readonly control: ControlFile;
};

type InspectorOptions = {
  readonly prefix?: string;
  readonly pages?: PageChecksums;
  readonly visitor?: Partial<TarVisitor>;
};

/** Files that are looked into, and how long they may be. */
const readFiles: Readonly<Record<string, number>> = { backup_label: 4096, 'global/pg_control': 16_384 };
const walFolder = 'pg_wal/';
/** The manifest tells of WAL only from where to where it goes. */
const isWalSegment = (name: string): boolean => /^pg_wal\/[0-9A-F]{24}$/.test(name);

/**
 * Reads an archive of the server's and sums its files. Throws `corrupt` and `dump-incomplete` for what is no whole archive. `files` are those
 * that the server's manifest lists too: all but the WAL's segments.
 */
export class ArchiveInspector {
  readonly #reader: TarReader;
  readonly #all = new FolderSums();
  readonly #listed = new FolderSums();
  readonly #prefix: string;
  #entries = 0;

  /** `prefix`: where the archive's files are in the cluster. `pages`: looks at those of relations, too. */
  constructor({ prefix = '', pages, visitor = {} }: InspectorOptions = {}) {
    this.#prefix = prefix;
    let entry: Entry | undefined;
    let hash: Hash | undefined;
    this.#reader = new TarReader({
      begin: (next, about) => {
        if (!isInside(next.path))
          throw new HoldfastError('corrupt', `the archive names '${next.path.toString()}', which lies outside of it`);
        this.#entries += 1;
        entry = next;
        hash = next.kind === 'file' ? createHash('sha256') : undefined;
        pages?.begin(next.path.toString('latin1'));
        visitor.begin?.(next, about);
      },
      data: (bytes) => {
        hash?.update(bytes);
        pages?.push(bytes);
        visitor.data?.(bytes);
      },
      end: () => {
        if (entry && hash) this.#add(entry, hash.digest('hex'));
        const damaged = pages?.end();
        if (damaged !== undefined)
          throw new HoldfastError(
            'corrupt',
            `block ${damaged} of ${prefix}${entry?.path.toString()} is not what its checksum says`,
          );
        visitor.end?.();
      },
    });
  }

  write(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  end(): Content {
    this.#reader.end();
    if (this.#entries === 0)
      throw new HoldfastError(
        'dump-incomplete',
        'the server sent nothing, not even the folder that every tablespace has',
        {
          hint: "is the tablespace's folder there, and mounted? Before version 15 the server passes over one with a line feed in its name",
        },
      );
    return this.#all.content();
  }

  /** The files by their place in the cluster, without the WAL. */
  listed(): Content {
    return this.#listed.content();
  }

  #add({ path, size: sizeBytes }: Entry, sha256: string): void {
    const name = path.toString('latin1');
    this.#all.add({ path: name, sizeBytes, sha256 });
    if (!isWalSegment(name)) this.#listed.add({ path: this.#prefix + name, sizeBytes, sha256 });
  }
}

/** The archive of the cluster's own folder: it has to hold what a recovery begins with, and its WAL. */
export class ClusterInspector {
  readonly #archive: ArchiveInspector;
  readonly #wal = new WalInspector();
  readonly #read = new Map<string, Buffer[]>();
  #pieces: Buffer[] | undefined;
  #isWal = false;

  /** `pages`: looks at those of relations, too. */
  constructor(pages?: PageChecksums) {
    this.#archive = new ArchiveInspector({
      ...(pages && { pages }),
      visitor: {
        begin: (entry) => this.#begin(entry),
        data: (bytes) => {
          if (this.#isWal) this.#wal.push(bytes);
          else this.#pieces?.push(Buffer.from(bytes));
        },
      },
    });
  }

  write(bytes: Uint8Array): void {
    this.#archive.write(bytes);
  }

  /** `endLsn`: up to where recovery needs the WAL, where that is known. */
  end(endLsn?: Lsn): ClusterContent {
    const content = this.#archive.end();
    const label = parseBackupLabel(this.#file('backup_label').toString('utf8'));
    const control = parseControlFile(this.#file('global/pg_control'));
    this.#wal.requireFrom({ lsn: label.startLsn, timeline: label.timeline }, endLsn);
    return { content, label, control };
  }

  listed(): Content {
    return this.#archive.listed();
  }

  #begin({ path, kind, size }: Entry): void {
    const name = path.toString('latin1');
    this.#pieces = undefined;
    this.#isWal = kind === 'file' && name.startsWith(walFolder);
    if (this.#isWal) this.#wal.begin(name.slice(walFolder.length), size);
    else if (kind === 'file' && size <= (readFiles[name] ?? -1)) {
      this.#pieces = [];
      this.#read.set(name, this.#pieces);
    }
  }

  #file(name: string): Buffer {
    const pieces = this.#read.get(name);
    if (pieces === undefined) throw new HoldfastError('dump-incomplete', `the archive has no file ${name}`);
    return Buffer.concat(pieces);
  }
}
