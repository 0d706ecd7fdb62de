import { foldersAndFiles } from '../../../../core/content-words.ts';
import type { Content } from '../../../../core/manifest.ts';
import { addSums, type DigestSum, digestText, emptySum } from '../../../digest/digest-sum.ts';
import { RecordDigest } from '../../../digest/record-digest.ts';

type FolderSum = { readonly records: DigestSum; readonly bytes: number };

/** A file of the cluster: its path below the data folder, each byte a character, and the SHA-256 of its content in hex. */
export type SummedFile = { readonly path: string; readonly sizeBytes: number; readonly sha256: string };

/** Sums files by folder, in any order, so that two listings of the same files can be held against each other without keeping them. */
export class FolderSums {
  readonly #digest = new RecordDigest();
  readonly #folders = new Map<string, FolderSum>();

  add({ path, sizeBytes, sha256 }: SummedFile): void {
    const slash = path.lastIndexOf('/');
    const folder = slash < 0 ? '.' : path.slice(0, slash);
    const { records, bytes } = this.#folders.get(folder) ?? { records: emptySum, bytes: 0 };
    const record = this.#digest.sumOf(`${sha256} ${sizeBytes} ${path.slice(slash + 1)}`);
    this.#folders.set(folder, { records: addSums(records, record), bytes: bytes + sizeBytes });
  }

  /** A folder for each, by name. */
  content(): Content {
    const tables = [...this.#folders]
      .map(([folder, { records, bytes }]) => ({
        schema: '',
        name: Buffer.from(folder, 'latin1').toString('utf8'),
        rows: records.rows,
        bytes,
        digest: digestText(records),
      }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    return { words: foldersAndFiles, tables };
  }
}
