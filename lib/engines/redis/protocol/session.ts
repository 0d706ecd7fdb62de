import type { Socket } from 'node:net';
import RedisParser from 'redis-parser';
import { HoldfastError } from '../../../core/errors.ts';
import { addressOf, type Connection, openSocket } from '../connection.ts';
import { fromRefusal, fromSocketError, Refusal, silent } from '../errors.ts';
import { type Argument, CommandWriter } from './command-writer.ts';

/** What a server answers: text as bytes, numbers, lists of both, and null for what is not there. EXEC's list has errors for what was refused. */
export type Reply = Buffer | number | null | readonly (Reply | Error)[];

/** A connection on which commands are asked one by one, or sent by the thousand. */
export type Session = AsyncDisposable & {
  readonly connection: Connection;
  /** Sends a command and gives its reply. Rejects with a `Refusal`, or with what became of the connection. */
  ask(command: readonly Argument[]): Promise<Reply>;
  /**
   * Sends commands that were written already. `onReply` is told of each reply in order, and may be given refusals. Resolves when more may be sent,
   * which is when the server has taken enough of it; rejects with what became of the connection, and with what `onReply` threw.
   */
  send(commands: Buffer, count: number, onReply: (reply: Reply | Refusal, index: number) => void): Promise<void>;
  /** Resolves when every reply has come. */
  settled(): Promise<void>;
  /** The socket itself, on which nothing is listened for any more. */
  takeSocket(): Socket;
};

type Waiting = {
  count: number;
  index: number;
  readonly onReply: (reply: Reply | Refusal, index: number) => void;
  readonly onEnd: (error?: unknown) => void;
};

/** How many bytes may be on their way and not answered. */
const mostUnanswered = 8 * 1024 * 1024;

/** A session, signed in as the connection says. `signal` ends it, and everything that waits for it. */
export async function openSession(connection: Connection, signal?: AbortSignal): Promise<Session> {
  const about = addressOf(connection);
  const socket = await openSocket(connection);
  const waiting: Waiting[] = [];
  let unanswered = 0;
  let broken: unknown;
  let isDone = false;
  const wakers: (() => void)[] = [];
  const progress = () => new Promise<void>((resolve) => wakers.push(resolve));
  const wake = (): void => {
    for (const waker of wakers.splice(0)) waker();
  };

  const fail = (error: unknown): void => {
    if (broken !== undefined) return;
    broken = error;
    socket.destroy();
    for (const { onEnd } of waiting.splice(0)) onEnd(error);
    wake();
  };
  const take = (reply: Reply | Refusal): void => {
    const [first] = waiting;
    if (!first) {
      fail(new HoldfastError('source-interrupted', `${about}: it answered what was not asked`));
      return;
    }
    try {
      first.onReply(reply, first.index++);
    } catch (error) {
      fail(error);
      return;
    }
    if (--first.count > 0) return;
    waiting.shift();
    first.onEnd();
    wake();
  };
  const parser = new RedisParser({
    returnBuffers: true,
    returnReply: (reply: Reply) => take(reply),
    returnError: (error: Error) => take(new Refusal(error.message)),
    returnFatalError: (cause: Error) =>
      fail(new HoldfastError('source-interrupted', `${about}: it does not speak the protocol of Redis`, { cause })),
  });
  const onData = (chunk: Buffer): void => parser.execute(chunk);
  const onError = (error: unknown): void => fail(fromSocketError(error, about));
  const onClose = (): void => fail(fromSocketError(undefined, about));
  const onAbort = (): void => fail(signal?.reason);
  const onSilence = (): void => {
    if (waiting.length > 0) fail(silent(about, connection.silenceSeconds));
  };
  socket.on('data', onData).on('error', onError).on('close', onClose).on('drain', wake);
  socket.setTimeout(connection.silenceSeconds * 1000, onSilence);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();

  const session: Session = {
    connection,
    ask: (command) =>
      new Promise((resolve, reject) => {
        if (broken !== undefined) return reject(broken);
        let answer: Reply | Refusal = null;
        waiting.push({
          count: 1,
          index: 0,
          onReply: (reply) => {
            answer = reply;
          },
          onEnd: (error) =>
            error !== undefined || answer instanceof Refusal ? reject(error ?? answer) : resolve(answer),
        });
        const writer = new CommandWriter();
        writer.command(...command);
        socket.write(writer.take());
      }),
    async send(commands, count, onReply) {
      if (broken !== undefined) throw broken;
      unanswered += commands.length;
      waiting.push({
        count,
        index: 0,
        onReply,
        onEnd: () => {
          unanswered -= commands.length;
        },
      });
      socket.write(commands);
      while (broken === undefined && (socket.writableNeedDrain || unanswered > mostUnanswered)) await progress();
      if (broken !== undefined) throw broken;
    },
    async settled() {
      while (broken === undefined && waiting.length > 0) await progress();
      if (broken !== undefined) throw broken;
    },
    takeSocket() {
      isDone = true;
      signal?.removeEventListener('abort', onAbort);
      socket.off('data', onData).off('error', onError).off('close', onClose).off('drain', wake);
      socket.setTimeout(0, onSilence);
      return socket;
    },
    async [Symbol.asyncDispose]() {
      signal?.removeEventListener('abort', onAbort);
      if (isDone) return;
      isDone = true;
      socket.off('close', onClose);
      socket.destroy();
    },
  };
  await signIn(session, about).catch(async (error: unknown) => {
    await session[Symbol.asyncDispose]();
    throw error;
  });
  return session;
}

async function signIn(session: Session, about: string): Promise<void> {
  const { user, password } = session.connection;
  try {
    // A user without a password is asked for none, and is taken with any.
    if (user !== undefined) await session.ask(['AUTH', user, password ?? '']);
    else if (password !== undefined) await session.ask(['AUTH', password]);
  } catch (error) {
    throw error instanceof Refusal ? fromRefusal(error, about, 'auth-failed') : error;
  }
  // Whoever lists clients sees who this is; a user without the right to say it is no worse.
  await session.ask(['CLIENT', 'SETNAME', 'holdfast']).catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error;
    if (error.kind === 'NOAUTH')
      throw new HoldfastError('auth-failed', `${about}: it asks for a password, and there is none`, { cause: error });
  });
}
