/** Writes RDB files by hand, in the forms that servers of old wrote and today's only read. */

export type Value = { readonly type: number; readonly bytes: Buffer };

export const length = (value: number): Buffer => {
  if (value < 64) return Buffer.of(value);
  if (value < 16_384) return Buffer.of(0x40 | (value >> 8), value & 0xff);
  const bytes = Buffer.alloc(5, 0x80);
  bytes.writeUInt32BE(value, 1);
  return bytes;
};

export const string = (text: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([length(bytes.length), bytes]);
};

/** A zip list: each element with the length of the one before it. Integers go in the smallest form, as Redis had it. */
export function zipList(elements: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  let before = 0;
  for (const element of elements) {
    const head = before < 254 ? Buffer.of(before) : Buffer.concat([Buffer.of(254), uint32(before)]);
    const part = Buffer.concat([head, zipElement(element)]);
    parts.push(part);
    before = part.length;
  }
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(10);
  head.writeUInt32LE(11 + body.length);
  head.writeUInt32LE(10 + body.length - (parts.at(-1)?.length ?? 0), 4);
  head.writeUInt16LE(elements.length, 8);
  return Buffer.concat([head, body, Buffer.of(255)]);
}

function zipElement(element: string): Buffer {
  if (/^(0|-?[1-9]\d{0,17})$/.test(element)) return zipInteger(BigInt(element));
  const bytes = Buffer.from(element);
  if (bytes.length < 64) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  if (bytes.length < 16_384) return Buffer.concat([Buffer.of(0x40 | (bytes.length >> 8), bytes.length & 0xff), bytes]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  return Buffer.concat([Buffer.of(0x80), size, bytes]);
}

function zipInteger(value: bigint): Buffer {
  if (value >= 0n && value <= 12n) return Buffer.of(0xf1 + Number(value));
  const forms = [
    [8n, 0xfe],
    [16n, 0xc0],
    [24n, 0xf0],
    [32n, 0xd0],
    [64n, 0xe0],
  ] as const;
  for (const [bits, mark] of forms) {
    if (BigInt.asIntN(Number(bits), value) !== value) continue;
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return Buffer.concat([Buffer.of(mark), bytes.subarray(0, Number(bits) / 8)]);
  }
  throw new RangeError('no such integer');
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** A file of keys in database 0, with its checksum. */
export function rdbFile(keys: ReadonlyMap<string, Value>, version = 9): Buffer {
  const body = Buffer.concat([
    Buffer.from(`REDIS${String(version).padStart(4, '0')}`),
    Buffer.of(0xfe, 0),
    ...[...keys].flatMap(([name, { type, bytes }]) => [Buffer.of(type), string(name), bytes]),
    Buffer.of(0xff),
  ]);
  const sum = Buffer.alloc(8);
  sum.writeBigUInt64LE(crc64(body));
  return Buffer.concat([body, sum]);
}

/** What RESTORE takes. */
export function payload({ type, bytes }: Value, version = 9): Buffer {
  const body = Buffer.concat([Buffer.of(type), bytes, Buffer.of(version, 0)]);
  const sum = Buffer.alloc(8);
  sum.writeBigUInt64LE(crc64(body));
  return Buffer.concat([body, sum]);
}

/** CRC-64 of Jones, bit by bit. */
export function crc64(bytes: Uint8Array): bigint {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
  }
  return crc;
}
