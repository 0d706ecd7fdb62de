import { ChunkSink } from '../chunks/chunk-sink.ts';
import { TarSink } from '../tar/tar-sink.ts';
import { DigestSink } from './digest-sink.ts';
import type { Sink } from './sink.ts';

/** What a tree is read for. */
export type SinkName = 'tar' | 'chunks' | 'digest' | 'chunk-digest';

/** A new sink of that name: names travel to other threads, objects do not. */
export function sinkOf(name: SinkName): Sink {
  switch (name) {
    case 'tar':
      return new TarSink();
    case 'chunks':
      return new ChunkSink({ keeps: 'chunks' });
    case 'chunk-digest':
      return new ChunkSink({ keeps: 'nothing' });
    case 'digest':
      return new DigestSink();
    default:
      return name satisfies never;
  }
}
