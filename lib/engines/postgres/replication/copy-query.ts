import type { Duplex } from 'node:stream';
import type { Client, Connection } from 'pg';
import { freeMemory } from '../../../pipeline/free-memory.ts';
import { CopyFrames } from './copy-frames.ts';

/** Rows as text, as the simple query protocol gives them. */
export type ResultSet = { readonly columns: readonly string[]; readonly rows: (readonly (string | null)[])[] };

export type CopyQueryHandlers = {
  /** See `FrameHandlers.onData`. An error that it throws ends the connection and the query. */
  onData(piece: Buffer, place: { readonly isFirst: boolean; readonly isLast: boolean }): void;
  /** Does `onData` keep nothing of a piece once it has returned? Then the memory of what came is given back at once. @default false */
  readonly keepsNothing?: boolean;
  /** A copy begins; which result sets came before it is in `results`. A command may have several copies, one after another. */
  onCopyBegin?(kind: 'out' | 'both' | 'in'): void;
  /** The server has ended the copy. In one of both directions, `endCopy` is the answer that it waits for. */
  onCopyDone?(): void;
};

/** What a client calls on the query that is its active one, and what of its connection is used here. */
type Wire = Connection & {
  readonly stream: Duplex;
  query(text: string): void;
  sendCopyFromChunk(bytes: Uint8Array): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
};

const readyForQuery = 0x5a;
const copyDone = 0x63;
const copyBegins: Readonly<Record<number, 'out' | 'both' | 'in'>> = { 71: 'in', 72: 'out', 87: 'both' };

/**
 * A command whose answer is result sets around copies: BASE_BACKUP, START_REPLICATION, UPLOAD_MANIFEST
 * (https://www.postgresql.org/docs/current/protocol-replication.html). Neither pg nor pg-copy-streams runs those: the one drops the data, the
 * other does not expect the result sets.
 *
 * While it runs, the connection's bytes come here and not to pg's parser, which would hand out slices of a buffer that it uses again. Messages
 * other than CopyData are given on to it. Afterwards the connection can be used for the next command.
 */
export class CopyQuery {
  readonly text: string;
  readonly results: ResultSet[] = [];
  /** Resolves when the server is ready for the next command; rejects with the server's error, or that of the connection. */
  readonly ended: Promise<void>;

  readonly #handlers: CopyQueryHandlers;
  readonly #end = Promise.withResolvers<void>();
  readonly #frames: CopyFrames;
  #wire: Wire | undefined;
  #parse: ((chunk: Buffer) => void) | undefined;
  #current: ResultSet | undefined;

  constructor(text: string, handlers: CopyQueryHandlers) {
    this.text = text;
    this.#handlers = handlers;
    this.ended = this.#end.promise;
    // Whoever waits is told; nobody may be waiting yet.
    this.ended.catch(() => {});
    this.#frames = new CopyFrames({
      onData: (piece, place) => handlers.onData(piece, place),
      onMessage: (message) => this.#onMessage(message),
    });
  }

  /** No more bytes are asked of the server until `resume`. */
  pause(): void {
    this.#wire?.stream.pause();
  }

  resume(): void {
    this.#wire?.stream.resume();
  }

  /** Sends one CopyData message. Resolves when there is room for the next. */
  async send(bytes: Uint8Array): Promise<void> {
    const stream = this.#wire?.stream;
    this.#wire?.sendCopyFromChunk(bytes);
    if (stream?.writableNeedDrain) await new Promise<void>((resolve) => onceAny(stream, ['drain', 'close'], resolve));
  }

  /** Tells the server that nothing more comes from here. */
  endCopy(): void {
    this.#wire?.endCopyFrom();
  }

  /** Tells the server that what it was sent is not to be used. */
  failCopy(reason: string): void {
    this.#wire?.sendCopyFail(reason);
  }

  /** Called by the client when it is this query's turn. */
  submit(connection: Connection): void {
    const wire = connection as Wire;
    const [parse, ...others] = wire.stream.listeners('data') as ((chunk: Buffer) => void)[];
    if (parse === undefined || others.length > 0)
      throw new Error("pg's connection is not read as it was expected to be");
    this.#wire = wire;
    this.#parse = parse;
    wire.stream.off('data', parse);
    wire.stream.on('data', this.#onChunk);
    wire.query(this.text);
  }

  readonly #onChunk = (chunk: Buffer): void => {
    try {
      const rest = this.#frames.write(chunk);
      if (rest !== undefined && rest.length > 0) this.#parse?.(rest);
      else if (this.#handlers.keepsNothing) freeMemory(chunk);
    } catch (error) {
      this.#end.reject(error);
      this.#wire?.stream.destroy();
    }
  };

  #onMessage(message: Buffer): boolean {
    const [code = 0] = message;
    if (code === readyForQuery) this.#giveBack();
    this.#parse?.(message);
    const kind = copyBegins[code];
    if (kind !== undefined) this.#handlers.onCopyBegin?.(kind);
    if (code === copyDone) this.#handlers.onCopyDone?.();
    return code === readyForQuery;
  }

  #giveBack(): void {
    const stream = this.#wire?.stream;
    stream?.off('data', this.#onChunk);
    if (this.#parse) stream?.on('data', this.#parse);
  }

  // What pg's client calls on its active query.

  handleRowDescription(message: { readonly fields: readonly { readonly name: string }[] }): void {
    this.#current = { columns: message.fields.map(({ name }) => name), rows: [] };
    this.results.push(this.#current);
  }

  handleDataRow(message: { readonly fields: readonly (string | null)[] }): void {
    this.#current?.rows.push(message.fields);
  }

  handleCommandComplete(): void {
    this.#current = undefined;
  }

  handleCopyInResponse(): void {}
  handleCopyData(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  handleError(error: Error): void {
    this.#end.reject(error);
  }

  handleReadyForQuery(): void {
    this.#end.resolve();
  }
}

/** Runs the command on the connection, which must be one for replication where the command is. */
export function startCopy(client: Client, text: string, handlers: CopyQueryHandlers): CopyQuery {
  return client.query(new CopyQuery(text, handlers));
}

function onceAny(stream: Duplex, events: readonly string[], listener: () => void): void {
  const told = (): void => {
    for (const event of events) stream.off(event, told);
    listener();
  };
  for (const event of events) stream.on(event, told);
}
