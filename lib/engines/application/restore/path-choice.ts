import { HoldfastError } from '../../../core/errors.ts';
import { firstFew } from '../../../core/first-few.ts';
import { relativePath } from '../tar/tar-reader.ts';
import { type Entry, pathShown } from '../tree/entry.ts';

/** Which entries of a tree are restored: all, or those at and below some paths, with the folders that lead there. */
export class PathChoice {
  readonly #wanted: readonly { readonly path: string; readonly said: string }[] | undefined;
  readonly #missing: Set<string>;

  /** Paths as people write them, relative to the tree. @default - everything */
  constructor(paths: readonly string[] | undefined) {
    this.#wanted = paths?.map((said) => ({ said, path: relativePath(pathShown(said)).toString('latin1') }));
    this.#missing = new Set(paths);
  }

  get isWhole(): boolean {
    return this.#wanted === undefined;
  }

  has({ path, kind }: Pick<Entry, 'path' | 'kind'>): boolean {
    if (this.#wanted === undefined) return true;
    const name = path.toString('latin1');
    let isChosen = false;
    for (const { path: wanted, said } of this.#wanted) {
      if (wanted === '' || name === wanted || name.startsWith(`${wanted}/`)) {
        this.#missing.delete(said);
        isChosen = true;
      } else if (kind === 'folder' && (name === '' || wanted.startsWith(`${name}/`))) isChosen = true;
    }
    return isChosen;
  }

  /** Throws `usage` when nothing was at one of the paths. */
  requireAllFound(tree: string): void {
    if (this.#missing.size === 0) return;
    const named = [...this.#missing].map((path) => `'${path}'`);
    throw new HoldfastError('usage', `the backup of tree '${tree}' has no ${firstFew(named)}`, {
      hint: 'paths are relative to the tree, as they were when the backup was taken; nothing was restored',
    });
  }
}
