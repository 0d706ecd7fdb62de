import { createCipheriv } from 'node:crypto';

const MiB = 1024 ** 2;
const corpusBytes = 16 * MiB;

/** Three quarters rows in COPY text form, one quarter bytes that do not compress, in stretches of 6 MiB: the same on every run. */
function makeCorpus(): Buffer {
  const corpus = Buffer.alloc(corpusBytes);
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16, 2));
  let row = 0;
  for (let start = 0; start < corpusBytes; start += 8 * MiB) {
    for (let offset = start; offset < start + 6 * MiB; row++) {
      const line = `${1_000_000 + row}\t2026-${String((row % 12) + 1).padStart(2, '0')}-${String((row % 28) + 1).padStart(2, '0')} 10:${row % 60}:00\tcustomer ${(row * 7919) % 100_003}\t${((row * 2_654_435_761) >>> 7).toString(36)}\t${((row * 40_503) % 99_999) / 100}\t\\N\n`;
      offset += corpus.write(line, offset, start + 6 * MiB - offset, 'latin1');
      if (offset + 100 > start + 6 * MiB) break;
    }
    noise.update(Buffer.alloc(2 * MiB)).copy(corpus, start + 6 * MiB);
  }
  return corpus;
}

const corpus = makeCorpus();

/** `bytes` of the corpus, over and over, in chunks as a dump tool's pipe gives them. */
export async function* syntheticSource(bytes: number, chunkBytes = 64 * 1024): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < bytes; ) {
    const offset = sent % corpusBytes;
    const length = Math.min(chunkBytes, corpusBytes - offset, bytes - sent);
    yield corpus.subarray(offset, offset + length);
    sent += length;
  }
}
