/** One zstd frame: its bytes in the object (before encryption) and the plain bytes that it holds. */
export type FrameSizes = { readonly compressedBytes: number; readonly plainBytes: number };

const skippableMagic = 0x184d2a5e;
const seekableMagic = 0x8f92eab1;

/**
 * The table of the zstd seekable format (facebook/zstd, contrib/seekable_format): a skippable frame at an object's end, which
 * `zstd -d` passes over and seekable readers use to find a frame by its plain offset.
 */
export function encodeSeekTable(frames: readonly FrameSizes[]): Buffer {
  const contentBytes = frames.length * 8 + 9;
  const table = Buffer.alloc(8 + contentBytes);
  table.writeUInt32LE(skippableMagic, 0);
  table.writeUInt32LE(contentBytes, 4);
  let offset = 8;
  for (const { compressedBytes, plainBytes } of frames) {
    table.writeUInt32LE(compressedBytes, offset);
    table.writeUInt32LE(plainBytes, offset + 4);
    offset += 8;
  }
  table.writeUInt32LE(frames.length, offset);
  // No checksums in the entries: each frame ends with its own.
  table.writeUInt8(0, offset + 4);
  table.writeUInt32LE(seekableMagic, offset + 5);
  return table;
}
