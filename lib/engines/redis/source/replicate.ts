import type { Socket } from 'node:net';
import { HoldfastError } from '../../../core/errors.ts';
import { addressOf, type Connection } from '../connection.ts';
import { fromSocketError, Refusal, silent } from '../errors.ts';
import { openSession, type Session } from '../protocol/session.ts';

/** Why the server gives no snapshot to replicas: managed services and users without the right answer so. */
export class ReplicationRefused extends Error {}

const markBytes = 40;

/**
 * The server's snapshot as a new replica gets it: the bytes of an RDB file, made by a child of the server and sent without touching its disk where
 * the server is set so. The server is asked not to keep the commands that come meanwhile, since nobody is going to read them.
 *
 * Nothing is asked for before the iterable is read. Rejects with `ReplicationRefused` when it is refused before the first byte, and with
 * `source-interrupted` when the bytes end before the snapshot does.
 */
export async function* replicate(
  connection: Connection,
  { version, signal }: { readonly version: string; readonly signal: AbortSignal },
): AsyncGenerator<Buffer, void> {
  const about = addressOf(connection);
  const socket = await begin(connection, version, signal);
  const stop = (): void => void socket.destroy();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    yield* payload(spoken(socket, about, connection.silenceSeconds), about);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

async function begin(connection: Connection, version: string, signal: AbortSignal): Promise<Socket> {
  await using session = await openSession(connection, signal);
  try {
    // `eof`: the length need not be known before; with `psync2` the server may name the history that it belongs to.
    await session.ask(['REPLCONF', 'capa', 'eof', 'capa', 'psync2']);
    // Valkey writes for a replica of 7.2 otherwise, and fails where that cannot hold what there is; Redis does not know it.
    await session.ask(['REPLCONF', 'version', version]).catch(unlessRefused);
    // Servers before 7.0 know no such thing, and keep what nobody reads.
    await session.ask(['REPLCONF', 'rdb-only', '1']).catch(unlessRefused);
  } catch (error) {
    if (error instanceof Refusal) throw refused('REPLCONF', error);
    throw error;
  }
  return psync(session);
}

function unlessRefused(error: unknown): void {
  if (!(error instanceof Refusal)) throw error;
}

const refused = (command: string, { message, kind }: Refusal): Error => {
  // These pass by themselves, and say nothing of rights.
  if (['LOADING', 'NOMASTERLINK', 'MASTERDOWN', 'BUSY'].includes(kind))
    return new HoldfastError('source-busy', `the server gives no snapshot now: ${message}`, {
      hint: 'wait until it has loaded its data, or has found its primary again',
    });
  return new ReplicationRefused(`${command} was refused: ${message.slice(0, 200)}`);
};

/** From here on the bytes are no replies. */
function psync(session: Session): Socket {
  const socket = session.takeSocket();
  socket.pause();
  socket.write('*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n');
  return socket;
}

/** What the server sends, given up when it says nothing for so long. Only waiting counts: whoever reads may take his time. */
async function* spoken(socket: Socket, about: string, seconds: number): AsyncGenerator<Buffer, void> {
  const onSilence = (): void => void socket.destroy(silent(about, seconds));
  socket.on('timeout', onSilence);
  socket.setTimeout(seconds * 1000);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    socket.setTimeout(0);
    yield chunk;
    socket.setTimeout(seconds * 1000);
  }
}

/**
 * What comes is: line feeds while the server gets ready, its answer, more line feeds, and then the snapshot, either after its length or
 * before a mark of forty bytes that was announced.
 */
async function* payload(socket: AsyncIterable<Buffer>, about: string): AsyncGenerator<Buffer, void> {
  const interrupted = (): HoldfastError =>
    new HoldfastError('source-interrupted', `${about}: the snapshot broke off; did the server end, or its child?`);
  let head: Buffer = Buffer.alloc(0);
  let hasAnswered = false;
  let rest: { remaining: number } | { mark: Buffer } | undefined;
  let held: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      let bytes = chunk;
      while (rest === undefined) {
        head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
        bytes = Buffer.alloc(0);
        const end = head.indexOf(0x0a);
        if (end < 0) {
          if (head.length > 4096)
            throw new HoldfastError('source-interrupted', `${about}: it does not answer as a server of replicas`);
          break;
        }
        const line = head.toString('latin1', 0, end).trim();
        head = head.subarray(end + 1);
        if (line === '') continue;
        if (!hasAnswered) {
          if (line.startsWith('-')) throw refused('PSYNC', new Refusal(line.slice(1)));
          if (!line.startsWith('+FULLRESYNC')) throw refused('PSYNC', new Refusal(`answered '${line.slice(0, 60)}'`));
          hasAnswered = true;
          continue;
        }
        if (!line.startsWith('$')) throw refused('PSYNC', new Refusal(line.replace(/^-/, '')));
        const mark = /^\$EOF:(.{40})$/.exec(line)?.[1];
        rest = mark === undefined ? { remaining: Number(line.slice(1)) } : { mark: Buffer.from(mark, 'latin1') };
        bytes = head;
      }
      if (rest === undefined) continue;
      if ('remaining' in rest) {
        const taken = bytes.subarray(0, rest.remaining);
        rest.remaining -= taken.length;
        if (taken.length > 0) yield taken;
        if (rest.remaining === 0) return;
        continue;
      }
      // The mark comes last, and nothing comes behind it until it was answered; so it is looked for at the end of what there is. A chunk is
      // held until the next has come, and then handed on as it is, unless the mark may have begun in it.
      if (bytes.length === 0) continue;
      if (bytes.length < markBytes) held = Buffer.concat([held, bytes]);
      else {
        if (held.length > 0) yield held;
        held = bytes;
      }
      if (held.length < markBytes || !held.subarray(-markBytes).equals(rest.mark)) continue;
      if (held.length > markBytes) yield held.subarray(0, -markBytes);
      return;
    }
  } catch (error) {
    if (error instanceof HoldfastError || error instanceof ReplicationRefused) throw error;
    throw fromSocketError(error, about);
  }
  throw interrupted();
}
