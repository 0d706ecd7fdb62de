/** A tablespace that the log creates, where the source has it. */
export type TablespaceCreation = { readonly oid: number; readonly location: string };

const pageBytes = 8192;
const firstHeaderBytes = 40;
const headerBytes = 24;
/** Records begin at multiples of that. */
const alignment = 8;
/** RM_TBLSPC_ID of src/include/access/rmgrlist.h. */
const ofTablespaces = 5;
/** XLR_BLOCK_ID_DATA_SHORT and _LONG of src/include/access/xlogrecord.h: a record's own data, with its length in one byte or four. */
const [shortData, longData] = [255, 254];
/** Before them: length, transaction, the one before, what it is of, checksum. */
const recordHeaderBytes = 24;
/** A path is no longer than MAXPGPATH. */
const longestRecord = 1100;

/** What is being looked through, of whichever segment: to gather megabytes in memory of their own had V8 mark its heap for every few of them. */
let gathered = Buffer.alloc(0);

/**
 * Looks through the bytes of one segment of WAL, from its beginning on, for records that create tablespaces (xl_tblspc_create_rec). Such a record
 * holds the source's own path, and a server that applies it works there.
 */
export class TablespaceCreations {
  readonly found: TablespaceCreation[] = [];
  #position = 0;
  /** What was not looked through yet, without the pages' headers. */
  #rest: Buffer = Buffer.alloc(0);

  write(chunk: Uint8Array): void {
    const room = this.#rest.length + chunk.length;
    if (gathered.length < room) gathered = Buffer.allocUnsafeSlow(room);
    gathered.set(this.#rest);
    let filled = this.#rest.length;
    for (let at = 0; at < chunk.length; ) {
      const inPage = this.#position % pageBytes;
      const header = this.#position < pageBytes ? firstHeaderBytes : headerBytes;
      const length = Math.min(chunk.length - at, (inPage < header ? header : pageBytes) - inPage);
      if (inPage >= header) {
        gathered.set(chunk.subarray(at, at + length), filled);
        filled += length;
      }
      at += length;
      this.#position += length;
    }
    const bytes = gathered.subarray(0, filled);
    // The last records may go on in the next chunk.
    const whole = Math.max(0, bytes.length - longestRecord);
    const end = this.#look(bytes, whole - (whole % alignment));
    this.#rest = Buffer.from(bytes.subarray(end));
  }

  end(): void {
    const bytes = Buffer.concat([this.#rest, Buffer.alloc(longestRecord)]);
    this.#look(bytes, this.#rest.length);
    this.#rest = Buffer.alloc(0);
  }

  /** Looks at the records that begin before `end`, and returns where the next one may begin. */
  #look(bytes: Buffer, end: number): number {
    let at = 0;
    for (; at < end; at += alignment) {
      // What nearly all others fail, first.
      if (bytes[at + 17] !== ofTablespaces) continue;
      const kind = bytes[at + recordHeaderBytes];
      if ((kind !== shortData && kind !== longData) || (bytes[at + 16] as number) >= 0x10) continue;
      const lengthBytes = kind === shortData ? 1 : 4;
      const length = bytes.readUIntLE(at + recordHeaderBytes + 1, lengthBytes);
      const data = recordHeaderBytes + 1 + lengthBytes;
      if (bytes.readUInt32LE(at) !== data + length || data + length > longestRecord) continue;
      const path = bytes.subarray(at + data + 4, at + data + length - 1);
      if (path[0] === 0x2f && bytes[at + data + length - 1] === 0)
        this.found.push({ oid: bytes.readUInt32LE(at + data), location: path.toString() });
    }
    return at;
  }
}
