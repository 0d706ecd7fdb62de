import RedisParser from 'redis-parser';
import { HoldfastError } from '../../../core/errors.ts';
import { CommandSink, dialectOf } from '../keys/command-sink.ts';
import type { KeyHead, KeySink } from '../keys/key-sink.ts';
import { CommandWriter } from '../protocol/command-writer.ts';
import { AofKeys } from './aof-keys.ts';
import type { FormatReader, FormatWriter, KeyFormat } from './format.ts';

/**
 * Commands, as an append-only file has them. It ends with `SELECT 0` twice, which changes nothing and shows that nothing is missing: commands
 * have no other end.
 */
export const aofFormat: KeyFormat = {
  name: 'redis-aof',
  reader: (sink) => new AofReader(sink),
  writer: (server) => {
    const writer = new CommandWriter();
    return new AofWriter(writer, dialectOf(server));
  },
};

class AofWriter extends CommandSink implements FormatWriter {
  readonly #bytes: CommandWriter;
  #database = -1;

  constructor(writer: CommandWriter, dialect: ReturnType<typeof dialectOf>) {
    super(writer, dialect);
    this.#bytes = writer;
  }

  get length(): number {
    return this.#bytes.length;
  }

  override beginKey(key: KeyHead): 'elements' | 'raw' {
    if (key.database !== this.#database) {
      this.#database = key.database;
      this.#bytes.command('SELECT', key.database);
    }
    return super.beginKey(key);
  }

  take(): Uint8Array {
    return this.#bytes.take();
  }

  end(): void {
    this.#bytes.command('SELECT', 0);
    this.#bytes.command('SELECT', 0);
  }
}

class AofReader implements FormatReader {
  readonly keepsChunks = true;

  readonly #keys: AofKeys;
  readonly #parser: RedisParser;
  #bytes = 0;
  #lastByte = 0;

  constructor(sink: KeySink) {
    this.#keys = new AofKeys(sink);
    const damaged = (what: string): never => {
      throw new HoldfastError('corrupt', `the command file is damaged before byte ${this.#bytes}: ${what}`);
    };
    this.#parser = new RedisParser({
      returnBuffers: true,
      returnReply: (command: unknown) => {
        if (!Array.isArray(command) || !command.every((argument) => Buffer.isBuffer(argument)) || command.length === 0)
          damaged('it has something else than a command');
        this.#keys.command(command as readonly Buffer[], damaged);
      },
      returnError: () => damaged('it has something else than a command'),
      returnFatalError: () => damaged('it has something else than a command'),
    });
  }

  write(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#bytes += chunk.length;
    this.#lastByte = chunk[chunk.length - 1] as number;
    this.#parser.execute(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  }

  end(): Record<string, never> {
    const isWhole = this.#keys.end() && this.#lastByte === 0x0a && isBetweenCommands(this.#parser);
    if (!isWhole) throw new HoldfastError('dump-incomplete', `the command file breaks off at byte ${this.#bytes}`);
    return {};
  }
}

/** The parser keeps what it has of a command that is not whole. */
const isBetweenCommands = (parser: RedisParser): boolean => (parser as unknown as { buffer: unknown }).buffer === null;
