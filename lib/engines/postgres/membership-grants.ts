import { type Client, DatabaseError } from 'pg';

const insufficientPrivilege = '42501';

type Options = readonly string[];
type Grant = { readonly membership: string; readonly options: Options };

/**
 * Grants memberships as a globals script says, or, where the server forbids that, in the name of whoever restores. Since version 16 a grantor needs
 * the admin option, which the server's first superuser alone has of itself: a source whose first superuser has another name, and one before 16
 * where any superuser granted, have grants that the destination takes from nobody but its own.
 *
 * Of one grantor the server keeps one grant of a membership, and a later one overrides it. So what several gave is given with every right that any
 * of them gave.
 */
export class MembershipGrants {
  readonly #client: Client;
  readonly #given = new Map<string, Options[]>();
  readonly #regranted = new Set<string>();

  /** `client` is in a transaction. */
  constructor(client: Client) {
    this.#client = client;
  }

  /** Runs any statement of the script. What was granted in another's name than it says, when it was. */
  async run(statement: string): Promise<string | undefined> {
    const grant = grantIn(statement);
    if (grant === undefined) {
      await this.#client.query(statement);
      return undefined;
    }
    const { membership, options } = grant;
    const given = [...(this.#given.get(membership) ?? []), options];
    this.#given.set(membership, given);
    const isGranted = await this.#granted(statement);
    if (isGranted && !this.#regranted.has(membership)) return undefined;
    // One that was granted may have been so by whoever restores, and have overridden what was given in his name before.
    const joined = joinedOptions(given);
    const regrant = joined.length === 0 ? membership : `${membership} WITH ${joined.join(', ')}`;
    await this.#client.query(regrant);
    this.#regranted.add(membership);
    return isGranted ? undefined : regrant;
  }

  /** False where the server forbids it to the grantor. */
  async #granted(statement: string): Promise<boolean> {
    await this.#client.query('savepoint granted');
    try {
      await this.#client.query(statement);
      await this.#client.query('release savepoint granted');
      return true;
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== insufficientPrivilege) throw error;
      await this.#client.query('rollback to savepoint granted');
      return false;
    }
  }
}

/** A grant of membership that names who granted it. */
function grantIn(statement: string): Grant | undefined {
  const name = '(?:"(?:[^"]|"")*"|[^\\s"]+)';
  const pattern = new RegExp(`^(GRANT ${name} TO ${name})(?: WITH ([A-Z, ]+?))? GRANTED BY ${name}$`);
  const [, membership, options] = pattern.exec(statement) ?? [];
  return membership === undefined ? undefined : { membership, options: options?.split(', ') ?? [] };
}

/** What any of them gives. pg_dumpall names ADMIN where it is given, INHERIT always since 16, and SET where it is not given. */
function joinedOptions(given: readonly Options[]): Options {
  const says = (option: string): boolean => given.some((options) => options.includes(option));
  const inherit = ['INHERIT TRUE', 'INHERIT FALSE'].find(says);
  const isSetGiven = given.some((options) => !options.includes('SET FALSE'));
  return [
    ...(says('ADMIN OPTION') ? ['ADMIN OPTION'] : []),
    ...(inherit === undefined ? [] : [inherit]),
    ...(says('SET FALSE') ? [isSetGiven ? 'SET TRUE' : 'SET FALSE'] : []),
  ];
}
