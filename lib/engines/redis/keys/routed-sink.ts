import type { RdbMemory } from '../rdb/rdb-memory.ts';
import type { KeyHead, KeySink, PendingEntry, RawValue, StreamEnd, StreamGroup, StreamId } from './key-sink.ts';

/** Gives each key to the sink that `route` chooses for it, under the head that it gives; undefined: to none. */
export abstract class RoutedSink implements KeySink {
  /** Whoever reads into this memory saves copies. */
  abstract readonly memory: RdbMemory;

  #to: KeySink | undefined;

  protected abstract route(key: KeyHead): { readonly sink: KeySink; readonly key: KeyHead } | undefined;

  beginKey(key: KeyHead): 'elements' | 'raw' {
    const routed = this.route(key);
    this.#to = routed?.sink;
    // Whoever can find a value's end without its elements need not give them to nobody.
    return routed ? routed.sink.beginKey(routed.key) : 'raw';
  }

  raw(value: RawValue): void {
    this.#to?.raw?.(value);
  }

  tooLarge(): void {
    this.#to?.tooLarge?.();
  }

  string(value: Uint8Array): void {
    this.#to?.string(value);
  }

  item(value: Uint8Array): void {
    this.#to?.item(value);
  }

  member(value: Uint8Array): void {
    this.#to?.member(value);
  }

  scored(member: Uint8Array, score: number): void {
    this.#to?.scored(member, score);
  }

  field(name: Uint8Array, value: Uint8Array, expireAt: number | undefined): void {
    this.#to?.field(name, value, expireAt);
  }

  entry(id: StreamId, fields: readonly Uint8Array[]): void {
    this.#to?.entry(id, fields);
  }

  streamEnd(end: StreamEnd): void {
    this.#to?.streamEnd(end);
  }

  group(group: StreamGroup): void {
    this.#to?.group(group);
  }

  consumer(name: Uint8Array): void {
    this.#to?.consumer(name);
  }

  pending(entry: PendingEntry): void {
    this.#to?.pending(entry);
  }

  module(name: string, value: RawValue): void {
    this.#to?.module(name, value);
  }

  endKey(expireAt: number | undefined): void {
    this.#to?.endKey(expireAt);
    this.#to = undefined;
  }

  library(_code: Uint8Array): void {}
}
