import { HoldfastError } from '../../../core/errors.ts';
import { addressOf, type Connection } from '../connection.ts';
import { fromRefusal, Refusal } from '../errors.ts';
import { CommandSink, dialectOf } from '../keys/command-sink.ts';
import { CommandWriter } from '../protocol/command-writer.ts';
import { openSession, type Reply, type Session } from '../protocol/session.ts';
import type { Server } from '../server.ts';

const sendBytes = 64 * 1024;

/** One session over which keys are restored, and what waits to be sent on it. */
export class Lane {
  readonly session: Session;
  readonly writer = new CommandWriter();
  /** Writes the commands of keys that are made element by element. */
  readonly commands: CommandSink;
  /** Commands written to `writer` beside those of `commands`. */
  otherCommands = 0;

  #database = 0;

  constructor(session: Session, server: Server) {
    this.session = session;
    this.commands = new CommandSink(this.writer, dialectOf(server));
  }

  select(database: number): void {
    if (database === this.#database) return;
    this.#database = database;
    this.writer.command('SELECT', database);
    this.otherCommands++;
  }

  /** Sends what waits, if it is worth it or `all` is wanted; resolves when more may be written. */
  async flush(all: boolean): Promise<void> {
    if (this.writer.length === 0 || (!all && this.writer.length < sendBytes)) return;
    const count = this.commands.count + this.otherCommands;
    this.commands.count = 0;
    this.otherCommands = 0;
    await this.session.send(this.writer.take(), count, (reply) => this.#check(reply));
  }

  #check(reply: Reply | Refusal): void {
    if (!(reply instanceof Refusal)) return;
    const about = addressOf(this.session.connection);
    if (reply.kind === 'BUSYKEY')
      throw new HoldfastError('source-busy', `${about}: somebody else wrote a key that was to be restored`, {
        hint: 'keep clients away while a restore runs, or say --on-conflict replace',
      });
    throw fromRefusal(reply, `${about} refused a key`, 'restore-failed');
  }
}

/** Sessions side by side on one server. */
export async function openLanes(
  connection: Connection,
  options: { readonly server: Server; readonly count: number; readonly signal: AbortSignal },
): Promise<AsyncDisposable & { readonly lanes: readonly Lane[] }> {
  const sessions: Session[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
  };
  try {
    for (let index = 0; index < options.count; index++) sessions.push(await openSession(connection, options.signal));
  } catch (error) {
    await close();
    throw error;
  }
  return { lanes: sessions.map((session) => new Lane(session, options.server)), [Symbol.asyncDispose]: close };
}
