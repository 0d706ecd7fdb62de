import type { Lsn } from './lsn.ts';

/** Messages within a stream of WAL (https://www.postgresql.org/docs/current/protocol-replication.html, START_REPLICATION). */
const walData = 0x77;
const keepalive = 0x6b;
const walDataHeaderBytes = 25;
const keepaliveBytes = 18;
const standbyStatus = 0x72;
/** Milliseconds from 1970 to 2000, which is where the server's clock begins. */
const serverEpochMs = 946_684_800_000;

export type WalMessageHandlers = {
  /** The next bytes of WAL, and where they begin. They are a slice of what was written, which nobody uses again. */
  onWal(bytes: Buffer, at: Lsn): void;
  /** The server wants to hear at once what is durable here. */
  onReplyWanted(): void;
};

/** Reads what comes within CopyData messages, which may be cut anywhere. Throws when it is neither WAL nor a keepalive. */
export class WalMessages {
  readonly #handlers: WalMessageHandlers;
  readonly #head = Buffer.alloc(walDataHeaderBytes);
  #headBytes = 0;
  #next: Lsn = 0n;

  constructor(handlers: WalMessageHandlers) {
    this.#handlers = handlers;
  }

  write(piece: Buffer, isFirst: boolean): void {
    if (isFirst) this.#headBytes = 0;
    let rest = piece;
    if (this.#headBytes < this.#wanted(piece, isFirst)) {
      rest = piece.subarray(this.#fill(piece));
      if (this.#headBytes < this.#wanted(piece, false)) return;
      this.#begin();
    }
    if (rest.length === 0 || this.#head[0] !== walData) return;
    this.#handlers.onWal(rest, this.#next);
    this.#next += BigInt(rest.length);
  }

  /** How long the message's own header is, as its first byte says. */
  #wanted(piece: Buffer, isFirst: boolean): number {
    const code = isFirst ? piece[0] : this.#head[0];
    if (code === walData) return walDataHeaderBytes;
    if (code === keepalive) return keepaliveBytes;
    throw new Error(`a message of kind ${code} is none of a stream of WAL`);
  }

  #fill(piece: Buffer): number {
    if (this.#headBytes === 0) this.#head[0] = piece[0] ?? 0;
    const taken = Math.min(this.#wanted(piece, false) - this.#headBytes, piece.length);
    piece.copy(this.#head, this.#headBytes, 0, taken);
    this.#headBytes += taken;
    return taken;
  }

  #begin(): void {
    if (this.#head[0] === walData) this.#next = this.#head.readBigUInt64BE(1);
    else if (this.#head[17] === 1) this.#handlers.onReplyWanted();
  }
}

/** What the server is told: how far its WAL was received, and how far it is durable, which is what a slot lets go of. */
export function statusMessage(status: { readonly received: Lsn; readonly durable: Lsn; readonly now: Date }): Buffer {
  const message = Buffer.alloc(34);
  message[0] = standbyStatus;
  message.writeBigUInt64BE(status.received, 1);
  message.writeBigUInt64BE(status.durable, 9);
  // Nothing is applied here.
  message.writeBigUInt64BE(0n, 17);
  message.writeBigInt64BE(BigInt(status.now.getTime() - serverEpochMs) * 1000n, 25);
  return message;
}
