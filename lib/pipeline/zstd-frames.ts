/** Thrown when bytes are not what their format says; `read-object.ts` names the object. */
export class MalformedContent extends Error {}

const frameMagic = 0xfd2fb528;
const isSkippable = (magic: number): boolean => magic >= 0x184d2a50 && magic <= 0x184d2a5f;

/** A frame of this size was not written by Holdfast, whose blocks are megabytes; it bounds what a damaged header can ask for. */
const maxFramePlainBytes = 256 * 1024 * 1024;

/** One whole zstd frame, and the plain bytes that its header promises. */
export type ZstdFrame = { readonly bytes: Buffer; readonly plainBytes: number };

/**
 * The frames of a zstd file, found by walking its block headers (RFC 8878, 3.1.1), so that they can be decompressed in
 * parallel; skippable frames are passed over. Throws `MalformedContent`.
 */
export async function* zstdFramesOf(stored: AsyncGenerator<Buffer>): AsyncGenerator<ZstdFrame> {
  const reader = new ByteReader(stored);
  try {
    for (;;) {
      const magic = await reader.take(4);
      if (magic.length === 0) return;
      const number = magic.length === 4 ? magic.readUInt32LE() : 0;
      if (isSkippable(number)) {
        const size = await reader.takeExactly(4);
        await reader.takeExactly(size.readUInt32LE());
      } else if (number === frameMagic) yield await readFrame(magic, reader);
      else throw new MalformedContent('there is no zstd frame where one should begin');
    }
  } finally {
    await stored.return(undefined);
  }
}

async function readFrame(magic: Buffer, reader: ByteReader): Promise<ZstdFrame> {
  const descriptor = await reader.takeExactly(1);
  const flags = descriptor.readUInt8();
  const isSingleSegment = (flags & 0x20) !== 0;
  const windowBytes = isSingleSegment ? 0 : 1;
  const dictionaryIdBytes = [0, 1, 2, 4][flags & 3] ?? 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  const rest = await reader.takeExactly(windowBytes + dictionaryIdBytes + sizeBytes);
  const plainBytes = contentSizeOf(rest.subarray(windowBytes + dictionaryIdBytes));
  const pieces = [magic, descriptor, rest];
  for (let isLast = false; !isLast; ) {
    const header = await reader.takeExactly(3);
    const bits = header.readUIntLE(0, 3);
    isLast = (bits & 1) === 1;
    const type = (bits >> 1) & 3;
    if (type === 3) throw new MalformedContent('a zstd block is of a reserved type');
    // A run-length block stores its one byte, whatever its size says.
    pieces.push(header, await reader.takeExactly(type === 1 ? 1 : bits >> 3));
  }
  if ((flags & 4) !== 0) pieces.push(await reader.takeExactly(4));
  return { bytes: Buffer.concat(pieces), plainBytes };
}

function contentSizeOf(field: Buffer): number {
  if (field.length === 0) throw new MalformedContent('a zstd frame does not say its size');
  const size = field.length === 8 ? Number(field.readBigUInt64LE()) : field.readUIntLE(0, field.length);
  const plainBytes = field.length === 2 ? size + 256 : size;
  if (plainBytes > maxFramePlainBytes) throw new MalformedContent('a zstd frame is larger than any that was written');
  return plainBytes;
}

/** Reads a given number of bytes at a time from chunks of any size. */
class ByteReader {
  readonly #source: AsyncGenerator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncGenerator<Buffer>) {
    this.#source = source;
  }

  /** `length` bytes, or fewer at the end. A view where one chunk holds them all. */
  async take(length: number): Promise<Buffer> {
    if (this.#rest.length < length) {
      const pieces = [this.#rest];
      let have = this.#rest.length;
      while (have < length) {
        const { value, done } = await this.#source.next();
        if (done) break;
        pieces.push(value);
        have += value.length;
      }
      this.#rest = Buffer.concat(pieces);
    }
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }

  async takeExactly(length: number): Promise<Buffer> {
    const taken = await this.take(length);
    if (taken.length < length) throw new MalformedContent('the content ends within a frame');
    return taken;
  }
}
