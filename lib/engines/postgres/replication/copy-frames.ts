/** What becomes of the messages of a connection. */
export type FrameHandlers = {
  /**
   * A piece of one CopyData message's payload: a slice of the chunk that was written, which nobody uses again. A message that is split over
   * chunks comes in several pieces; an empty one in none.
   */
  onData(piece: Buffer, place: { readonly isFirst: boolean; readonly isLast: boolean }): void;
  /** Any other message, whole, with its header. True ends the reading: what follows belongs to somebody else. */
  onMessage(message: Buffer): boolean;
};

const copyData = 0x64;
const headerBytes = 5;

/** The messages around a copy are a few rows and notices; what claims to be longer is no PostgreSQL. */
const longestMessageBytes = 64 * 1024 * 1024;

/**
 * Splits what a server sends into messages, and copies none of the CopyData: they are nearly all of the bytes, and everything else is left to
 * whoever understands it. The format: https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export class CopyFrames {
  readonly #handlers: FrameHandlers;
  readonly #header = Buffer.alloc(headerBytes);
  #headerBytes = 0;
  /** Of the message that is being read. */
  #leftBytes = 0;
  #isCopyData = false;
  #isFirst = true;
  #message: Buffer | undefined;

  constructor(handlers: FrameHandlers) {
    this.#handlers = handlers;
  }

  /** Takes the next bytes, cut anywhere. Returns what follows a message that ended the reading, which may be empty. */
  write(chunk: Buffer): Buffer | undefined {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#headerBytes < headerBytes) {
        const taken = Math.min(headerBytes - this.#headerBytes, chunk.length - offset);
        chunk.copy(this.#header, this.#headerBytes, offset, offset + taken);
        this.#headerBytes += taken;
        offset += taken;
        if (this.#headerBytes < headerBytes) return undefined;
        this.#begin();
      } else {
        const taken = Math.min(this.#leftBytes, chunk.length - offset);
        this.#take(chunk.subarray(offset, offset + taken));
        offset += taken;
      }
      if (this.#headerBytes === headerBytes && this.#leftBytes === 0 && this.#end()) return chunk.subarray(offset);
    }
    return undefined;
  }

  #begin(): void {
    const lengthBytes = this.#header.readUInt32BE(1);
    this.#leftBytes = lengthBytes - 4;
    this.#isCopyData = this.#header[0] === copyData;
    this.#isFirst = true;
    if (this.#leftBytes < 0 || (!this.#isCopyData && this.#leftBytes > longestMessageBytes))
      throw new Error(`a message of ${lengthBytes} bytes is none of the PostgreSQL protocol`);
    if (this.#isCopyData) return;
    this.#message = Buffer.allocUnsafe(headerBytes + this.#leftBytes);
    this.#header.copy(this.#message);
  }

  #take(piece: Buffer): void {
    this.#leftBytes -= piece.length;
    if (this.#message) {
      piece.copy(this.#message, this.#message.length - this.#leftBytes - piece.length);
      return;
    }
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    this.#handlers.onData(piece, { isFirst, isLast: this.#leftBytes === 0 });
  }

  #end(): boolean {
    this.#headerBytes = 0;
    const message = this.#message;
    this.#message = undefined;
    return message !== undefined && this.#handlers.onMessage(message);
  }
}
