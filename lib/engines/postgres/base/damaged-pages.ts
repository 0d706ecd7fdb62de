import type { Omissions } from '../../../core/manifest.ts';
import { damagedPageIn, damagedPagesIn } from '../errors.ts';

/** Pages whose content is not what their checksum says: how many, and which the first ones are. */
export type DamageReport = Omissions | undefined;

const mostListed = 100;

const reason = "has a content that is not what its checksum says: look at that machine's disk and memory";

/** Gathers what the server's own check of page checksums says while it sends a backup. */
export class DamagedPages {
  readonly #listed: { readonly item: string; readonly reason: string }[] = [];
  #count = 0;

  /** A warning of the server, of whatever kind. */
  hear(warning: string): void {
    const page = damagedPageIn(warning);
    if (page) this.#listed.push({ item: `block ${page.block} of ${page.file}`, reason });
    this.#count = damagedPagesIn(warning) ?? this.#count;
  }

  /** The server says that there is damage, in whatever language it names the pages. */
  conclude(): void {
    if (this.#listed.length === 0) this.#listed.push({ item: 'a page', reason });
  }

  report(): DamageReport {
    if (this.#listed.length === 0) return undefined;
    return { count: Math.max(this.#count, this.#listed.length), listed: this.#listed.slice(0, mostListed) };
  }
}

/** The files in which the server found damaged pages; undefined when there are others than those that are listed. */
export function filesWithDamage(omissions: Omissions | undefined): readonly string[] | undefined {
  if (omissions === undefined) return [];
  const files = omissions.listed.map(({ item }) => /^block \d+ of (.+)$/.exec(item)?.[1]);
  return files.length < mostListed && files.every((file) => file !== undefined) ? files : undefined;
}
