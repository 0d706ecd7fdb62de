import { HoldfastError } from '../../../core/errors.ts';
import type { OnConflict } from '../../../core/vocabulary.ts';
import { addressOf } from '../connection.ts';
import { fromRefusal, Refusal } from '../errors.ts';
import type { Reply, Session } from '../protocol/session.ts';
import { isAtLeast, type Server, textOf } from '../server.ts';

/**
 * Makes the function libraries of a backup; one that is there with the same code stays. One with other code is replaced or left where that was
 * said, and otherwise refused with `target-not-empty` before any is made. Gives the names of those that were left.
 */
export async function restoreLibraries(
  sessions: readonly Session[],
  server: Server,
  libraries: readonly Buffer[],
  onConflict: OnConflict,
): Promise<readonly string[]> {
  const [first] = sessions;
  if (libraries.length === 0 || !first) return [];
  if (!isAtLeast(server, 7))
    throw new HoldfastError(
      'preflight-failed',
      `the backup has functions, which ${server.product} ${server.version} does not know`,
    );
  const known = await librariesOf(first);
  const others = libraries.filter((code) => {
    const there = known.get(nameOf(code));
    return there !== undefined && !there.equals(code);
  });
  if (others.length > 0 && onConflict === 'fail')
    throw new HoldfastError(
      'target-not-empty',
      `the server has a function library '${nameOf(others[0])}' with other code`,
      {
        hint: 'say --on-conflict skip or replace, or --replace',
      },
    );
  const made = libraries.filter((code) => {
    const there = known.get(nameOf(code));
    return there === undefined || (!there.equals(code) && onConflict === 'replace');
  });
  for (const session of sessions)
    for (const code of made)
      await session.ask(['FUNCTION', 'LOAD', 'REPLACE', code]).catch((error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        throw fromRefusal(error, `${addressOf(session.connection)} refused a function library`, 'restore-failed');
      });
  return onConflict === 'skip' ? others.map(nameOf) : [];
}

async function librariesOf(session: Session): Promise<ReadonlyMap<string, Buffer>> {
  const list = (await session.ask(['FUNCTION', 'LIST', 'WITHCODE'])) as readonly (readonly Reply[])[];
  return new Map(
    list.map((fields) => {
      const valueNamed = (name: string): Buffer =>
        fields[fields.findIndex((field) => textOf(field) === name) + 1] as Buffer;
      return [textOf(valueNamed('library_name')), valueNamed('library_code')] as const;
    }),
  );
}

/** The name in the first line: `#!lua name=…`. */
const nameOf = (code: Buffer | undefined): string => /name=(\S+)/.exec(code?.toString('latin1') ?? '')?.[1] ?? '';
