import type { Omissions } from '../../../core/manifest.ts';
import { Matcher } from './choice.ts';
import { shownPath } from './entry.ts';
import { isByIntent, type Omission, type OmissionReason } from './omission.ts';

/** So many are listed by name; the rest is counted. */
const mostListed = 1000;

/**
 * Keeps account of what a reading lacks. Files that `tolerate` names may change or vanish, sockets are nothing that a backup can hold, and
 * file systems below are left out unless they are asked for: all of these are remarked upon, and make no backup partial.
 */
export class OmissionList {
  readonly #tolerated: Matcher;
  readonly #listed: { readonly item: string; readonly reason: string }[] = [];
  readonly #remarked = new Map<OmissionReason, { count: number; readonly first: string }>();
  #count = 0;

  constructor(tolerate: readonly string[]) {
    this.#tolerated = new Matcher(tolerate);
  }

  add({ path, reason, detail }: Omission): void {
    const item = shownPath(path);
    const mayBe =
      reason === 'changed' || reason === 'vanished' ? item !== '.' && this.#tolerated.matches(item, false) : false;
    if (isByIntent(reason) || mayBe) {
      const known = this.#remarked.get(reason);
      if (known) known.count += 1;
      else this.#remarked.set(reason, { count: 1, first: item });
      return;
    }
    this.#count += 1;
    if (this.#listed.length < mostListed) this.#listed.push({ item, reason: says[reason](detail) });
  }

  /** As a capture's result has it. */
  result(): { readonly omissions?: Omissions; readonly remarks?: readonly string[] } {
    const remarks = [...this.#remarked].map(([reason, { count, first }]) =>
      count === 1
        ? `'${first}' ${remarkOf(reason)}`
        : `${count} ${reason === 'mount' ? 'folders' : 'files'}, the first of them '${first}', ${remarkOf(reason)}`,
    );
    return {
      ...(this.#count > 0 && { omissions: { count: this.#count, listed: this.#listed } }),
      ...(remarks.length > 0 && { remarks }),
    };
  }
}

const says: Readonly<Record<OmissionReason, (detail: string | undefined) => string>> = {
  changed: () => 'changed while it was read, again and again: it is in the backup as it came last',
  vanished: () => 'vanished before it could be read',
  unreadable: (detail) => `cannot be read (${detail ?? 'unknown'})`,
  socket: () => 'is a socket',
  mount: () => 'is another file system',
};

function remarkOf(reason: OmissionReason): string {
  if (reason === 'socket') return 'left out: a socket holds nothing';
  if (reason === 'mount')
    return "kept empty: another file system is mounted there ('oneFileSystem: false' takes it in)";
  return `${reason} while it was read, as is tolerated`;
}
