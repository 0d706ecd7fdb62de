import { HoldfastError } from '../../../core/errors.ts';
import { hasTypedMessages } from './base-command.ts';

/** What comes out of the messages of a backup, in order. */
export type BackupHandlers = {
  /** The next archive begins, or after them the manifest. `name` is the archive's, where the server says it. */
  onPart(part: { readonly kind: 'archive' | 'manifest'; readonly name?: string }): void;
  onBytes(bytes: Buffer): void;
};

/** The first byte of a message says what it is (https://www.postgresql.org/docs/current/protocol-replication.html, BASE_BACKUP). */
const types = { archive: 0x6e, data: 0x64, manifest: 0x6d, progress: 0x70 } as const;

/** An archive's message is two names. */
const longestNames = 64 * 1024;

/**
 * Tells the archives and the manifest of a backup apart. Since version 15 the messages of one copy say what they are; before, each archive is a
 * copy of its own, and the manifest the last one.
 */
export class BackupMessages {
  readonly #isTyped: boolean;
  readonly #archives: number;
  readonly #handlers: BackupHandlers;
  #copies = 0;
  #type = 0;
  #names: Buffer[] = [];
  #namesBytes = 0;

  constructor({ major, archives }: { readonly major: number; readonly archives: number }, handlers: BackupHandlers) {
    this.#isTyped = hasTypedMessages(major);
    this.#archives = archives;
    this.#handlers = handlers;
  }

  /** The server begins a copy. */
  onCopyBegin(): void {
    this.#copies += 1;
    if (!this.#isTyped)
      this.#handlers.onPart(this.#copies > this.#archives ? { kind: 'manifest' } : { kind: 'archive' });
  }

  /** A piece of a message's payload; see `FrameHandlers.onData`. */
  onData(piece: Buffer, { isFirst, isLast }: { readonly isFirst: boolean; readonly isLast: boolean }): void {
    if (!this.#isTyped) {
      this.#handlers.onBytes(piece);
      return;
    }
    if (isFirst) this.#type = piece[0] as number;
    const payload = isFirst ? piece.subarray(1) : piece;
    switch (this.#type) {
      case types.data:
        if (payload.length > 0) this.#handlers.onBytes(payload);
        break;
      case types.archive:
        this.#gather(payload, isLast);
        break;
      case types.manifest:
        if (isFirst) this.#handlers.onPart({ kind: 'manifest' });
        break;
      case types.progress:
        break;
      default:
        throw new HoldfastError('dump-failed', `the server's backup has a message of type ${this.#type}`, {
          hint: 'is this server newer than this Holdfast?',
        });
    }
  }

  #gather(payload: Buffer, isLast: boolean): void {
    this.#names.push(Buffer.from(payload));
    this.#namesBytes += payload.length;
    if (this.#namesBytes > longestNames)
      throw new HoldfastError('dump-failed', "an archive's name in the server's backup does not end");
    if (!isLast) return;
    const names = Buffer.concat(this.#names);
    this.#names = [];
    this.#namesBytes = 0;
    const end = names.indexOf(0);
    this.#handlers.onPart({ kind: 'archive', name: names.toString('utf8', 0, end < 0 ? names.length : end) });
  }
}
