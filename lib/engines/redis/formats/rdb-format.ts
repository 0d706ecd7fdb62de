import { RdbMemory } from '../rdb/rdb-memory.ts';
import { RdbReader } from '../rdb/rdb-reader.ts';
import type { FormatReader, KeyFormat } from './format.ts';

/** The server's own snapshot file. */
export const rdbFormat: KeyFormat = {
  name: 'redis-rdb',
  reader(sink, options = {}) {
    const reader = new RdbReader(sink, { memory: sink.memory ?? new RdbMemory(), ...options });
    return { keepsChunks: false, write: (chunk) => reader.write(chunk), end: () => factsOf(reader) };
  },
};

function factsOf(reader: RdbReader): ReturnType<FormatReader['end']> {
  const { version, notes, moduleData, hasChecksum } = reader.end();
  return {
    rdbVersion: version,
    hasChecksum,
    ...(moduleData.length > 0 && { moduleData }),
    ...(notes['repl-offset'] !== undefined && { replicationOffset: Number(notes['repl-offset']) }),
    ...(notes['ctime'] !== undefined && { snapshotAt: new Date(Number(notes['ctime']) * 1000).toISOString() }),
  };
}
