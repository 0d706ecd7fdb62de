import { Refusal } from '../errors.ts';
import type { Session } from '../protocol/session.ts';
import { type Server, textOf } from '../server.ts';

const usualDatabases = 16;

/**
 * A free database for each of `wanted`, from the highest number down, or undefined when there are not enough. Services that do not tell how many
 * databases there are have the usual sixteen.
 */
export async function spareDatabases(
  session: Session,
  server: Server,
  wanted: readonly number[],
): Promise<ReadonlyMap<number, number> | undefined> {
  const spares = new Map<number, number>();
  const isFree = (database: number): boolean => !server.keys.has(database) && !wanted.includes(database);
  let candidate = await databaseCount(session);
  for (const database of wanted) {
    do candidate--;
    while (candidate >= 0 && !isFree(candidate));
    if (candidate < 0) return undefined;
    spares.set(database, candidate);
  }
  return spares;
}

async function databaseCount(session: Session): Promise<number> {
  try {
    const reply = await session.ask(['CONFIG', 'GET', 'databases']);
    return Array.isArray(reply) ? Number(textOf(reply[1])) || usualDatabases : usualDatabases;
  } catch (error) {
    if (error instanceof Refusal) return usualDatabases;
    throw error;
  }
}
