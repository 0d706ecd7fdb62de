import type { Omissions } from '../../../core/manifest.ts';
import { damagedPageIn, damagedPagesIn } from '../errors.ts';

/** A page, as the server names it: by its file's path in the cluster's folder. */
export type DamagedPage = { readonly file: string; readonly block: number };

/** Pages whose content is not what their checksum says: how many, and the first ones as far as the server named them; undefined when there are none. */
export type DamageReport = { readonly count: number; readonly pages: readonly DamagedPage[] } | undefined;

const mostListed = 100;

const reason = "has a content that is not what its checksum says: look at that machine's disk and memory";

/** Gathers what the server's own check of page checksums says while it sends a backup. */
export class DamagedPages {
  readonly #pages: DamagedPage[] = [];
  #count = 0;

  /** A warning of the server, of whatever kind. */
  hear(warning: string): void {
    const page = damagedPageIn(warning);
    if (page) this.#pages.push(page);
    this.#count = damagedPagesIn(warning) ?? this.#count;
  }

  /** The server says that there is damage, in whatever language it names the pages. */
  conclude(): void {
    this.#count = Math.max(this.#count, 1);
  }

  report(): DamageReport {
    const count = Math.max(this.#count, this.#pages.length);
    return count === 0 ? undefined : { count, pages: this.#pages.slice(0, mostListed) };
  }
}

/** The same with each file by its path in the cluster's folder: the server names those of a tablespace by where that lies on its disk. */
export function inClusterFolder(
  { count, pages }: NonNullable<DamageReport>,
  tablespaces: readonly { readonly oid: number; readonly location: string }[],
): NonNullable<DamageReport> {
  const pathOf = (file: string): string => {
    const of = tablespaces.find(({ location }) => file.startsWith(`${location}/PG_`));
    return of === undefined ? file : `pg_tblspc/${of.oid}${file.slice(of.location.length)}`;
  };
  return { count, pages: pages.map(({ file, block }) => ({ file: pathOf(file), block })) };
}

/** The report as a backup's omissions. `relations`: what the files are part of, as far as that is known. */
export function damageAsOmissions(
  { count, pages }: NonNullable<DamageReport>,
  relations: ReadonlyMap<string, string> = new Map(),
): Omissions {
  const placeOf = (file: string): string => {
    const relation = relations.get(file);
    return relation === undefined ? file : `${relation} (${file})`;
  };
  const items = pages.map(({ file, block }) => `block ${block} of ${placeOf(file)}`);
  return { count, listed: (items.length === 0 ? ['a page'] : items).map((item) => ({ item, reason })) };
}

/** The files in which the server found damaged pages; undefined when there are others than those that are listed. */
export function filesWithDamage(omissions: Omissions | undefined): readonly string[] | undefined {
  if (omissions === undefined) return [];
  const pages = omissions.listed.map(({ item }) => damagedPageOf(item));
  return pages.length < mostListed && pages.every((page) => page !== undefined)
    ? pages.map(({ file }) => file)
    : undefined;
}

/** The page that an item of a backup's omissions is; undefined when it is none that has a name. A relation's name may hold anything. */
export function damagedPageOf(item: string): DamagedPage | undefined {
  const [, block, place] = /^block (\d+) of (.+)$/s.exec(item) ?? [];
  if (block === undefined || place === undefined) return undefined;
  const [, file = place] = / \(((?:base|global|pg_tblspc)\/[^()]+)\)$/.exec(place) ?? [];
  return { file, block: Number(block) };
}
