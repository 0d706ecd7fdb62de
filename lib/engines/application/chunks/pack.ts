/** A pack begins with this and then holds chunks, each behind its length in four bytes and the SHA-256 of its content. */
export const packMagic = Buffer.from('HFPACK01');
export const chunkHeaderBytes = 36;

/** What ends packs: the header of a chunk without content. */
export const packsEnd = (): Buffer => Buffer.alloc(chunkHeaderBytes);

/** What stands before a chunk. */
export function packRecord(digest: Uint8Array, length: number): Buffer {
  const header = Buffer.allocUnsafe(chunkHeaderBytes);
  header.writeUInt32LE(length, 0);
  header.set(digest, 4);
  return header;
}

export const packsFormat = 'holdfast-packs';
