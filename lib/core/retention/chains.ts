import { type BackupFacts, factsKey } from './facts.ts';

type Link = { readonly depth: number; readonly isRestorable: boolean };

/** The backups by what they build on. A parent that is not there, or a circle of parents, makes a chain broken, never an error. */
export class Chains {
  readonly #byKey: ReadonlyMap<string, BackupFacts>;
  readonly #links = new Map<BackupFacts, Link>();

  constructor(backups: readonly BackupFacts[]) {
    this.#byKey = new Map(backups.map((backup) => [factsKey(backup), backup]));
  }

  parentOf({ target, parent }: BackupFacts): BackupFacts | undefined {
    return parent === null ? undefined : this.#byKey.get(factsKey({ target, id: parent }));
  }

  /** All that the backup builds on, nearest first; what is missing is left out. */
  ancestorsOf(backup: BackupFacts): readonly BackupFacts[] {
    if (backup.parent === null) return [];
    const chain = new Set([backup]);
    for (let link = this.parentOf(backup); link && !chain.has(link); link = this.parentOf(link)) chain.add(link);
    return [...chain].slice(1);
  }

  /** Can it be restored, as far as is known? It and all that it builds on are there, complete, and not found to be bad. */
  isRestorable(backup: BackupFacts): boolean {
    return this.#linkOf(backup).isRestorable;
  }

  /** On how many others it builds: what is removed goes by descending depth, so that no moment leaves a child without its parent. */
  depthOf(backup: BackupFacts): number {
    return this.#linkOf(backup).depth;
  }

  /** Worked out from the far end of the chain, once for each of its backups. */
  #linkOf(backup: BackupFacts): Link {
    const unknown = new Set<BackupFacts>();
    let end: BackupFacts | undefined = backup;
    while (end !== undefined && !this.#links.has(end) && !unknown.has(end)) {
      unknown.add(end);
      end = this.parentOf(end);
    }
    let below = end === undefined ? undefined : this.#links.get(end);
    for (const one of [...unknown].reverse()) {
      const isWhole = one.parent === null || below?.isRestorable === true;
      below = { depth: below === undefined ? 0 : below.depth + 1, isRestorable: isWhole && isSound(one) };
      this.#links.set(one, below);
    }
    return below ?? { depth: 0, isRestorable: false };
  }
}

const isSound = ({ status, verification }: BackupFacts): boolean => status === 'complete' && verification !== 'FAILED';
