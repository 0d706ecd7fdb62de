import type { Content } from '../../core/manifest.ts';
import { freeMemory } from '../../pipeline/free-memory.ts';
import type { Connection } from './connection.ts';
import { rdbFormat } from './formats/rdb-format.ts';
import { ContentDigest } from './keys/content-digest.ts';
import type { KeyHead, KeySink } from './keys/key-sink.ts';
import { RoutedSink } from './keys/routed-sink.ts';
import type { Server } from './server.ts';
import { openSnapshot, type Transfer } from './source/open-snapshot.ts';
import { type Shard, shardConnection, slotOf } from './source/shards.ts';

export type ReadOptions = {
  readonly server: Server;
  /** The shards of a cluster; empty for a single server. */
  readonly shards: readonly Shard[];
  readonly transfer: Transfer;
  /** Which databases count, and under which number; all under their own when left out. */
  readonly databases?: ReadonlyMap<number, number> | undefined;
  /** Only keys of these slots. @default - all */
  readonly slots?: readonly (readonly [number, number])[] | undefined;
  readonly now: number;
  readonly signal: AbortSignal;
  readonly progress: (bytes: number) => void;
};

/** Reads a live server, or all of a cluster, and counts its keys; those whose time has run out are gone already. */
export async function readContent(connection: Connection, options: ReadOptions): Promise<Content> {
  const digest = new ContentDigest();
  const connections = options.server.isCluster
    ? options.shards.map((shard) => shardConnection(connection, shard))
    : [connection];
  let bytes = 0;
  for (const [index, one] of connections.entries()) {
    const sink = new CountingSink(digest, options, index === 0);
    const reader = rdbFormat.reader(sink);
    const { server, transfer, signal } = options;
    for await (const chunk of openSnapshot({ connection: one, server, transfer, signal }).bytes) {
      reader.write(chunk);
      bytes += chunk.length;
      freeMemory(chunk);
      options.progress(bytes);
    }
    reader.end();
  }
  return digest.content();
}

class CountingSink extends RoutedSink {
  readonly memory;
  readonly #digest: ContentDigest;
  readonly #options: ReadOptions;
  readonly #takesLibraries: boolean;

  constructor(digest: ContentDigest, options: ReadOptions, takesLibraries: boolean) {
    super();
    this.memory = digest.memory;
    this.#digest = digest;
    this.#options = options;
    this.#takesLibraries = takesLibraries;
  }

  protected route(key: KeyHead): { readonly sink: KeySink; readonly key: KeyHead } | undefined {
    const { databases, slots, now } = this.#options;
    if (key.expireAt !== undefined && key.expireAt <= now) return undefined;
    const database = databases ? databases.get(key.database) : key.database;
    if (database === undefined) return undefined;
    if (slots) {
      const slot = slotOf(key.key);
      if (!slots.some(([from, to]) => from <= slot && slot <= to)) return undefined;
    }
    return { sink: this.#digest, key: { ...key, database } };
  }

  /** Every shard of a cluster has the same. */
  override library(code: Uint8Array): void {
    if (this.#takesLibraries) this.#digest.library(code);
  }
}
