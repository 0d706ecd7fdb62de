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
  /** Pending entries that the server did not make. */
  unclaimed = 0;

  readonly #clientId: number | undefined;
  #database = 0;
  #failure: HoldfastError | undefined;

  constructor(session: Session, server: Server, clientId: number | undefined) {
    this.session = session;
    this.#clientId = clientId;
    this.commands = new CommandSink(this.writer, dialectOf(server));
  }

  select(database: number): void {
    if (database === this.#database) return;
    this.#database = database;
    this.writer.command('SELECT', database);
    this.otherCommands++;
  }

  /** Sends what waits, if it is worth it or `all` is wanted; resolves when more may be written. Rejects with the first refusal that has come. */
  async flush(all: boolean): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.writer.length === 0 || (!all && this.writer.length < sendBytes)) return;
    const count = this.commands.count + this.otherCommands;
    this.commands.count = 0;
    this.otherCommands = 0;
    await this.session.send(this.writer.take(), count, (reply) => this.#check(reply));
  }

  /** Resolves when the server has answered to all of it. Rejects with the first refusal. */
  async settled(): Promise<void> {
    await this.session.settled();
    if (this.#failure) throw this.#failure;
  }

  /**
   * Resolves when nothing that was sent can still be done: the server has answered to all, or, where the connection is lost, was told over
   * another to forget it.
   */
  async quiet(): Promise<void> {
    try {
      await this.session.settled();
    } catch {
      await using other = await openSession(this.session.connection);
      if (this.#clientId !== undefined) await other.ask(['CLIENT', 'KILL', 'ID', this.#clientId]).catch(unlessRefused);
    }
  }

  #check(reply: Reply | Refusal): void {
    // Only XCLAIM gives an empty list: the message is deleted, and servers since 7.0 keep no pending entry of one.
    if (Array.isArray(reply) && reply.length === 0) this.unclaimed++;
    if (!(reply instanceof Refusal)) return;
    const about = addressOf(this.session.connection);
    this.#failure ??=
      reply.kind === 'BUSYKEY'
        ? new HoldfastError('source-busy', `${about}: somebody else wrote a key that was to be restored`, {
            hint: 'keep clients away while a restore runs, or say --on-conflict replace',
          })
        : fromRefusal(reply, `${about} refused a key`, 'restore-failed');
  }
}

function unlessRefused(error: unknown): void {
  if (!(error instanceof Refusal)) throw error;
}

/** Sessions side by side on one server. A stop does not cut them off: what was sent has to be answered before anything is undone. */
export async function openLanes(
  connection: Connection,
  options: { readonly server: Server; readonly count: number },
): Promise<AsyncDisposable & { readonly lanes: readonly Lane[] }> {
  const lanes: Lane[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(lanes.map(({ session }) => session[Symbol.asyncDispose]()));
  };
  try {
    for (let index = 0; index < options.count; index++) {
      const session = await openSession(connection);
      const id = await session.ask(['CLIENT', 'ID']).catch(unlessRefused);
      lanes.push(new Lane(session, options.server, typeof id === 'number' ? id : undefined));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { lanes, [Symbol.asyncDispose]: close };
}
