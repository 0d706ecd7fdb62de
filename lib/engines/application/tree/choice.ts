import ignore, { type Ignore } from 'ignore';
import type { TreeSettings } from '../connection.ts';
import { leftoverPattern } from './leftovers.ts';

/** Which names of a tree are taken, by patterns with the meaning that .gitignore gives them. */
export class Choice {
  readonly #excluded: Matcher;
  readonly #included: Matcher | undefined;

  constructor({ include, exclude }: Pick<TreeSettings, 'include' | 'exclude'>) {
    this.#excluded = new Matcher(exclude);
    this.#included = include.length === 0 ? undefined : new Matcher(include);
  }

  /** Is everything wanted that is not excluded? */
  get isWhole(): boolean {
    return this.#included === undefined;
  }

  /** Is the name left out, and for a folder everything below it? */
  isExcluded(path: string, isFolder: boolean): boolean {
    return leftoverPattern.test(path) || this.#excluded.matches(path, isFolder);
  }

  /** Is the name one of those that are wanted? What lies below a wanted folder is wanted too. */
  isIncluded(path: string, isFolder: boolean): boolean {
    return this.#included === undefined || this.#included.matches(path, isFolder);
  }
}

/** After so many names the library's memory of what it was asked is given up. */
const mostRemembered = 20_000;

/** Whether names match any of some patterns. */
export class Matcher {
  readonly #patterns: readonly string[];
  #library: Ignore;
  #asked = 0;

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns;
    this.#library = this.#open();
  }

  matches(path: string, isFolder: boolean): boolean {
    if (this.#patterns.length === 0) return false;
    this.#asked += 1;
    if (this.#asked % mostRemembered === 0) this.#library = this.#open();
    return this.#library.ignores(isFolder ? `${path}/` : path);
  }

  #open(): Ignore {
    // A folder may be called `...`, which the library takes for a slip otherwise.
    return ignore({ ignorecase: false, allowRelativePaths: true }).add([...this.#patterns]);
  }
}
