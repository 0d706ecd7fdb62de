import { type BackupFacts, factsKey } from './facts.ts';

/** The backups by what they build on. A parent that is not there, or a circle of parents, makes a chain broken, never an error. */
export class Chains {
  readonly #byKey: ReadonlyMap<string, BackupFacts>;
  readonly #depths = new Map<string, number>();

  constructor(backups: readonly BackupFacts[]) {
    this.#byKey = new Map(backups.map((backup) => [factsKey(backup), backup]));
  }

  parentOf({ target, parent }: BackupFacts): BackupFacts | undefined {
    return parent === null ? undefined : this.#byKey.get(factsKey({ target, id: parent }));
  }

  /** The backup and all that it builds on, nearest first; what is missing is left out. */
  withAncestors(backup: BackupFacts): readonly BackupFacts[] {
    const chain = new Set<BackupFacts>();
    for (let link: BackupFacts | undefined = backup; link && !chain.has(link); link = this.parentOf(link))
      chain.add(link);
    return [...chain];
  }

  /** Can it be restored, as far as is known? It and all that it builds on are there, complete, and not found to be bad. */
  isRestorable(backup: BackupFacts): boolean {
    const chain = this.withAncestors(backup);
    return chain.at(-1)?.parent === null && chain.every(isSound);
  }

  /** On how many others it builds: what is removed goes by descending depth, so that no moment leaves a child without its parent. */
  depthOf(backup: BackupFacts): number {
    const key = factsKey(backup);
    const known = this.#depths.get(key);
    if (known !== undefined) return known;
    const depth = this.withAncestors(backup).length - 1;
    this.#depths.set(key, depth);
    return depth;
  }
}

const isSound = ({ status, verification }: BackupFacts): boolean => status === 'complete' && verification !== 'FAILED';
