import { HoldfastError } from '../../../core/errors.ts';
import { addressOf } from '../connection.ts';
import { fromRefusal, Refusal } from '../errors.ts';
import { largestNumber } from '../keys/key-sink.ts';
import { CommandWriter } from '../protocol/command-writer.ts';
import type { Reply, Session } from '../protocol/session.ts';
import { RdbWriter } from '../rdb/rdb-writer.ts';
import { isAtLeast, readServer, type Server, textOf } from '../server.ts';
import { KeySet } from './key-set.ts';

/** How a snapshot key by key went. */
export type KeyReading = {
  keys: number;
  /** Keys that were listed, and gone when they were asked for. */
  vanished: number;
};

const scanCount = 1000;
/** So many bytes of values are asked for at once, as far as the values before tell how large they are. */
const batchBytes = 4 * 1024 * 1024;
/** A payload of DUMP ends with the version of its format and a checksum. */
const trailerBytes = 10;
const oldestVersion = 9;

/**
 * An RDB file made of every key's own serialised value, for servers that give their snapshot to nobody. Each key is as it was when it was asked
 * for, not all as of one moment. Only a batch of keys is held at a time (some MiB, or one value that is larger), and 32 bytes for each key that
 * came, because a key may be listed twice.
 */
export async function* readKeys(session: Session, server: Server, reading: KeyReading): AsyncGenerator<Buffer, void> {
  const writer = new RdbWriter();
  // Each node of a cluster knows of its own keys alone; and since Valkey 9 a cluster may have several databases.
  const { keys: counts } = server.isCluster ? await readServer(session) : server;
  const databases = [...counts.keys()].sort((one, other) => one - other);
  let hasBegun = false;
  const begin = (version: number): void => {
    if (hasBegun) return;
    hasBegun = true;
    const product = server.product === 'Valkey' ? 'valkey-ver' : 'redis-ver';
    writer.begin(version, { [product]: server.version, ctime: String(Math.trunc(Date.now() / 1000)) });
    for (const code of libraries) writer.library(code);
  };
  const libraries = await readLibraries(session, server);
  let most = 1;
  for (const database of databases) {
    if (!server.isCluster || database !== 0) await session.ask(['SELECT', database]);
    const seen = new KeySet();
    let cursor = '0';
    do {
      const page = (await session.ask(['SCAN', cursor, 'COUNT', scanCount])) as readonly [Buffer, readonly Buffer[]];
      cursor = textOf(page[0]);
      const keys = page[1].filter((key) => seen.add(key));
      while (keys.length > 0) {
        const batch = keys.splice(0, most);
        for (const { key, expireAt, payload } of await readBatch(session, server, batch)) {
          if (payload === undefined) {
            reading.vanished++;
            continue;
          }
          begin(payload.readUInt16LE(payload.length - trailerBytes));
          const bytes = payload.subarray(1, payload.length - trailerBytes);
          writer.key(database, key, expireAt, { type: payload[0] as number, bytes });
          reading.keys++;
        }
        most = Math.min(most * 4, Math.max(1, Math.floor((batchBytes * batch.length) / (writer.length + 1))));
        if (writer.length > 0) yield writer.take();
      }
    } while (cursor !== '0');
  }
  begin(oldestVersion);
  writer.end();
  yield writer.take();
}

type KeyRead = { readonly key: Buffer; readonly expireAt: number | undefined; readonly payload: Buffer | undefined };

async function readBatch(session: Session, server: Server, keys: readonly Buffer[]): Promise<readonly KeyRead[]> {
  if (keys.length === 0) return [];
  const commandsOf = isAtLeast(server, 7) ? exactly : byTheClock;
  const writer = new CommandWriter();
  for (const key of keys) for (const command of commandsOf(key)) writer.command(...command);
  const each = commandsOf(Buffer.alloc(0)).length;
  const replies: Reply[] = [];
  await session.send(writer.take(), keys.length * each, (reply) => {
    if (reply instanceof Refusal) throw fromRefusal(reply, addressOf(session.connection), 'dump-failed');
    replies.push(reply);
  });
  await session.settled();
  const again: Buffer[] = [];
  const read = keys.flatMap((key, index): KeyRead[] => {
    const [time, payload] = resultOf(replies.slice(index * each, (index + 1) * each));
    if (time === undefined) again.push(key);
    if (time === undefined) return [];
    // -2: it was gone already when its time was asked for, so another may have come in its place.
    const isThere = Buffer.isBuffer(payload) && time !== -2;
    return [
      { key, expireAt: time >= 0 ? Math.min(time, largestNumber) : undefined, payload: isThere ? payload : undefined },
    ];
  });
  return [...read, ...(await readBatch(session, server, again))];
}

type Command = readonly (string | Buffer)[];
const exactly = (key: Buffer): readonly Command[] => [
  ['PEXPIRETIME', key],
  ['DUMP', key],
];

/** Servers before 7.0 say how long a key has still, by a clock that goes on: it is asked before and after. */
const byTheClock = (key: Buffer): readonly Command[] => [['TIME'], ['PTTL', key], ['TIME'], ['DUMP', key]];

/** When the key runs out (-1: never, -2: it is gone; undefined: the millisecond changed while it was asked for), and its payload. */
function resultOf(replies: readonly Reply[]): readonly [number | undefined, Reply] {
  if (replies.length === 2) return [Number(replies[0]), replies[1] ?? null];
  const [before, left, after, payload = null] = replies;
  const now = millisecondOf(before);
  const ttl = Number(left);
  if (ttl < 0) return [ttl, payload];
  return [now === millisecondOf(after) ? now + ttl : undefined, payload];
}

function millisecondOf(time: Reply | undefined): number {
  const [seconds, microseconds] = time as readonly Buffer[];
  return Number(textOf(seconds)) * 1000 + Math.trunc(Number(textOf(microseconds)) / 1000);
}

async function readLibraries(session: Session, server: Server): Promise<readonly Buffer[]> {
  if (!isAtLeast(server, 7)) return [];
  try {
    const libraries = (await session.ask(['FUNCTION', 'LIST', 'WITHCODE'])) as readonly (readonly Reply[])[];
    return libraries.map((fields) => {
      const at = fields.findIndex((field) => textOf(field as Reply) === 'library_code');
      return fields[at + 1] as Buffer;
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new HoldfastError('privilege-missing', `functions cannot be read: ${error.message}`, {
      hint: 'allow the backup user `+function|list`',
    });
  }
}
