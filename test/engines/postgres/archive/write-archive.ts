/** Archives made by hand, for what no server can be made to write. */

export function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8(value < 0 ? 1 : 0, 0);
  bytes.writeUInt32LE(Math.abs(value), 1);
  return bytes;
}

export function string(value: string | null): Buffer {
  return value === null ? integer(-1) : Buffer.concat([integer(Buffer.byteLength(value)), Buffer.from(value)]);
}

/** A header of an uncompressed archive, of the newest format unless told. */
export function header(minorVersion = 16): Buffer {
  return Buffer.concat([
    Buffer.from('PGDMP'),
    Buffer.from([1, minorVersion, 0, 4, 8, 1]),
    minorVersion < 15 ? integer(0) : Buffer.from([0]),
    ...[30, 20, 10, 24, 11, 126, 0].map(integer),
    ...['orders', '17.2', '17.2'].map(string),
  ]);
}

type HandmadeEntry = {
  readonly dumpId: number;
  readonly desc: string;
  readonly schema?: string | null;
  readonly tag: string;
  readonly copy?: string;
  readonly definition?: string;
  readonly hasData?: boolean;
};

export function entry(of: HandmadeEntry, minorVersion = 16): Buffer {
  return Buffer.concat([
    integer(of.dumpId),
    integer(of.hasData === false ? 0 : 1),
    string('0'),
    string('0'),
    string(of.tag),
    string(of.desc),
    integer(3),
    string(of.definition ?? ''),
    string(''),
    string(of.copy ?? null),
    string(of.schema ?? null),
    string(null),
    minorVersion < 14 ? Buffer.alloc(0) : string(null),
    minorVersion < 16 ? Buffer.alloc(0) : integer(0),
    string('owner'),
    string('false'),
    string(null),
    Buffer.from([of.hasData === false ? 3 : 1, 0, 0, 0, 0, 0, 0, 0, 0]),
  ]);
}

export function tableEntry(dumpId: number, name: string, minorVersion = 16): Buffer {
  const copy = `COPY public.${name} (a) FROM stdin;\n`;
  return entry({ dumpId, desc: 'TABLE DATA', schema: 'public', tag: name, copy }, minorVersion);
}

/** Chunks, each after its length, and the length 0 that ends them. */
export function chunks(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...parts.flatMap((part) => [integer(part.length), part]), integer(0)]);
}

export function tableBlock(dumpId: number, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from([1]), integer(dumpId), chunks(...parts)]);
}
