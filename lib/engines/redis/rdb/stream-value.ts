import { type KeySink, largestNumber, type StreamId } from '../keys/key-sink.ts';
import type { PackedCursor } from './packed-cursor.ts';
import type { Reading } from './value-reader.ts';
import type { Window } from './window.ts';

const isDeleted = 1n;
const hasFieldsOfFirst = 2n;
const unknownCount = 0xffff_ffff_ffff_ffffn;

/** A stream: its entries in packed nodes, how it ends, and its groups with their consumers and what is pending. */
export function* readStreamValue(
  window: Window,
  cursor: PackedCursor,
  version: 1 | 2 | 3,
  sink: KeySink | undefined,
): Reading {
  for (let left = Number(yield* numberOf(window)); left > 0; ) {
    window.release();
    const from = window.pos;
    const first = window.tryString() ? idAt(window) : undefined;
    if (!first || !window.tryString()) {
      window.pos = from;
      yield;
      continue;
    }
    if (sink) readNode(window, cursor, first, sink);
    left--;
  }
  const length = yield* numberOf(window);
  const lastId = yield* idOf(window);
  if (version === 1) sink?.streamEnd({ lastId, maxDeletedId: { ms: 0n, seq: 0n }, entriesAdded: length });
  else {
    yield* idOf(window);
    const maxDeletedId = yield* idOf(window);
    const entriesAdded = yield* numberOf(window);
    sink?.streamEnd({ lastId, maxDeletedId, entriesAdded });
  }
  for (let left = yield* numberOf(window); left > 0n; left--) yield* readGroup(window, version, sink);
}

/** Entries stand in a node as differences to its first: of their ids, and, where they have the same fields, of these too. */
function readNode(window: Window, cursor: PackedCursor, first: StreamId, sink: KeySink): void {
  const next = (): bigint => {
    cursor.mustNext();
    return cursor.integer();
  };
  const place = (): [number, number] => {
    cursor.mustNext();
    return [cursor.at, cursor.length];
  };
  /** A number of fields, each of which takes a byte at least. */
  const count = (): number => {
    const found = Number(next());
    if (found < 0 || found > window.stringLength) window.corrupt("a stream's node has more fields than bytes");
    return found;
  };
  cursor.open('list pack');
  const live = next();
  const deleted = next();
  const commonFields = Array.from({ length: count() }, place);
  if (next() !== 0n) window.corrupt("a stream's node lacks its mark");
  const mark = window.memory.top;
  let found = 0n;
  for (let left = live + deleted; left > 0n; left--) {
    const flags = next();
    const id = { ms: BigInt.asUintN(64, first.ms + next()), seq: BigInt.asUintN(64, first.seq + next()) };
    const isCommon = (flags & hasFieldsOfFirst) !== 0n;
    const fields = isCommon ? commonFields.length : count();
    const places: [number, number][] = [];
    for (let index = 0; index < fields; index++)
      places.push(isCommon ? (commonFields[index] as [number, number]) : place(), place());
    // How many elements the entry has, for who reads backwards.
    next();
    if ((flags & isDeleted) === 0n) {
      found++;
      sink.entry(
        id,
        places.map(([at, size]) => window.bytes(at, size)),
      );
    }
    window.memory.giveBack(mark);
  }
  if (found !== live || cursor.next()) window.corrupt("a stream's node has another number of entries than it says");
}

function* readGroup(window: Window, version: 1 | 2 | 3, sink: KeySink | undefined): Reading {
  const name = yield* copyOf(window);
  const lastId = yield* idOf(window);
  const read = version === 1 ? unknownCount : yield* numberOf(window);
  sink?.group({ name, lastId, entriesRead: read === unknownCount ? undefined : read });

  // Deliveries stand with the group and their ids once more with each consumer, so one of them has to be held.
  const deliveries = new Map<string, { readonly deliveredAt: number; readonly deliveries: number }>();
  for (let left = yield* numberOf(window); left > 0n; left--) {
    while (!window.has(24)) yield;
    const { view } = window.memory;
    const id = view.toString('latin1', window.pos, window.pos + 16);
    const deliveredAt = Number(view.readBigInt64LE(window.pos + 16));
    window.pos += 24;
    deliveries.set(id, { deliveredAt, deliveries: Math.min(Number(yield* numberOf(window)), largestNumber) });
  }
  let pending = 0;
  for (let left = yield* numberOf(window); left > 0n; left--) {
    const consumer = yield* copyOf(window);
    sink?.consumer(consumer);
    const timeBytes = version === 3 ? 16 : 8;
    while (!window.has(timeBytes)) yield;
    window.pos += timeBytes;
    for (let ids = yield* numberOf(window); ids > 0n; ids--) {
      while (!window.has(16)) yield;
      const { view } = window.memory;
      const delivery = deliveries.get(view.toString('latin1', window.pos, window.pos + 16));
      if (!delivery) window.corrupt('a consumer has an entry pending that its group has not');
      const id = { ms: view.readBigUInt64BE(window.pos), seq: view.readBigUInt64BE(window.pos + 8) };
      window.pos += 16;
      pending++;
      sink?.pending({ id, consumer, ...delivery });
    }
  }
  if (pending !== deliveries.size) window.corrupt('a group has an entry pending that none of its consumers has');
}

/** The id that is the string read last. */
function idAt(window: Window): StreamId {
  if (window.stringLength !== 16) window.corrupt("a stream's node does not begin with an id");
  const { view } = window.memory;
  return { ms: view.readBigUInt64BE(window.stringAt), seq: view.readBigUInt64BE(window.stringAt + 8) };
}

function* numberOf(window: Window): Reading<bigint> {
  while (!window.tryPlainLength()) yield;
  return (BigInt(window.lengthHigh) << 32n) | BigInt(window.lengthLow);
}

function* idOf(window: Window): Reading<StreamId> {
  return { ms: yield* numberOf(window), seq: yield* numberOf(window) };
}

function* copyOf(window: Window): Reading<Buffer> {
  window.release();
  while (!window.tryString()) yield;
  return Buffer.from(window.string());
}
