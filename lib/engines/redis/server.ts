import { addressOf, type Connection } from './connection.ts';
import { fromRefusal, Refusal } from './errors.ts';
import { openSession, type Reply, type Session } from './protocol/session.ts';

/** A server as it describes itself. */
export type Server = {
  /** `Redis` or `Valkey`. */
  readonly product: 'Redis' | 'Valkey';
  readonly version: string;
  readonly major: number;
  readonly minor: number;
  readonly runId: string;
  readonly isCluster: boolean;
  readonly isReplica: boolean;
  readonly usedMemory: number;
  /** 0: no limit. */
  readonly maxMemory: number;
  readonly isAppendOnly: boolean;
  /** Keys of each database that has some. */
  readonly keys: ReadonlyMap<number, number>;
  readonly modules: readonly string[];
};

/** Asks a server what it is. Rejects with the error table's code. */
export async function readServer(session: Session): Promise<Server> {
  const about = addressOf(session.connection);
  const lines = linesOf(textOf(await asked(session, ['INFO', 'everything'], about)));
  const info = new Map(lines);
  const version = info.get('valkey_version') ?? info.get('redis_version') ?? '0.0.0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return {
    product: info.has('valkey_version') ? 'Valkey' : 'Redis',
    version,
    major,
    minor,
    runId: info.get('run_id') ?? '',
    isCluster: info.get('cluster_enabled') === '1',
    isReplica: info.get('role') === 'slave',
    usedMemory: Number(info.get('used_memory') ?? 0),
    maxMemory: Number(info.get('maxmemory') ?? 0),
    isAppendOnly: info.get('aof_enabled') === '1',
    keys: new Map(
      [...info].flatMap(([name, value]) => {
        const database = /^db(\d+)$/.exec(name)?.[1];
        const keys = /keys=(\d+)/.exec(value)?.[1];
        return database === undefined || keys === undefined ? [] : [[Number(database), Number(keys)] as const];
      }),
    ),
    // A line for each, all of the same name.
    modules: lines.flatMap(([name, value]) => (name === 'module' ? [/name=([^,]*)/.exec(value)?.[1] ?? value] : [])),
  };
}

/** Opens a session, hands it and what the server is to `work`, and closes it. */
export async function withServer<Result>(
  connection: Connection,
  signal: AbortSignal | undefined,
  work: (session: Session, server: Server) => Promise<Result>,
): Promise<Result> {
  await using session = await openSession(connection, signal);
  return await work(session, await readServer(session));
}

/** Asks, and rejects with the error table's code where the server refuses. */
export async function asked(session: Session, command: readonly (string | number)[], about: string): Promise<Reply> {
  try {
    return await session.ask(command);
  } catch (error) {
    throw error instanceof Refusal ? fromRefusal(error, about) : error;
  }
}

/** Text of a reply that is text. */
export const textOf = (reply: Reply | Refusal | undefined): string =>
  Buffer.isBuffer(reply) ? reply.toString() : typeof reply === 'number' ? String(reply) : '';

/** Is the version at least that? Valkey began as Redis 7.2 and counts on from there. */
export const isAtLeast = ({ major, minor }: Pick<Server, 'major' | 'minor'>, wanted: number, of = 0): boolean =>
  major > wanted || (major === wanted && minor >= of);

function linesOf(text: string): readonly (readonly [name: string, value: string])[] {
  return text.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 0 || line.startsWith('#') ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
  });
}
