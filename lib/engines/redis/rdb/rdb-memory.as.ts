// AssemblyScript, compiled to rdb-memory.wasm.ts by scripts/build-wasm.ts; docs/formats.md says what the digest is.
//
// The bytes of an RDB file pass through this module's own memory, where JavaScript reads them too (rdb-memory.ts). So a checksum, a
// decompression or a hash costs one call with an offset, and no copy. What lies above the static data is JavaScript's to divide.

import { first, hashPair, second } from '../../digest/xxh64-pair.as';

// CRC-64 as Redis has it: Jones' polynomial, reflected, no initial and no final value. Eight tables take eight bytes a step.
const POLYNOMIAL: u64 = 0x95ac9329ac4bc9b5;
const tables: usize = memory.data(8 * 256 * 8, 16);

for (let n: u32 = 0; n < 256; n++) {
  let crc: u64 = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ POLYNOMIAL : crc >> 1;
  store<u64>(tables + (<usize>n << 3), crc);
}
for (let n: u32 = 0; n < 256; n++) {
  let crc = load<u64>(tables + (<usize>n << 3));
  for (let table: usize = 1; table < 8; table++) {
    crc = load<u64>(tables + (<usize>(crc & 0xff) << 3)) ^ (crc >> 8);
    store<u64>(tables + (table << 11) + (<usize>n << 3), crc);
  }
}

/** Where the static data end. */
export const free: usize = __heap_base;

/** The sum so far; JavaScript sets it to begin. */
export const checksum: usize = memory.data(8, 16);

/** Where a few bytes from elsewhere are put to be hashed. */
export const stage: usize = memory.data(64, 16);

/** Takes the bytes into the sum. */
export function sumUp(at: usize, length: usize): void {
  let crc = load<u64>(checksum);
  const end = at + length;
  while (at + 8 <= end) {
    crc ^= load<u64>(at);
    crc =
      load<u64>(tables + (7 << 11) + (<usize>(crc & 0xff) << 3)) ^
      load<u64>(tables + (6 << 11) + (<usize>((crc >> 8) & 0xff) << 3)) ^
      load<u64>(tables + (5 << 11) + (<usize>((crc >> 16) & 0xff) << 3)) ^
      load<u64>(tables + (4 << 11) + (<usize>((crc >> 24) & 0xff) << 3)) ^
      load<u64>(tables + (3 << 11) + (<usize>((crc >> 32) & 0xff) << 3)) ^
      load<u64>(tables + (2 << 11) + (<usize>((crc >> 40) & 0xff) << 3)) ^
      load<u64>(tables + (1 << 11) + (<usize>((crc >> 48) & 0xff) << 3)) ^
      load<u64>(tables + (<usize>(crc >> 56) << 3));
    at += 8;
  }
  while (at < end) {
    crc = load<u64>(tables + (<usize>((crc ^ <u64>load<u8>(at)) & 0xff) << 3)) ^ (crc >> 8);
    at++;
  }
  store<u64>(checksum, crc);
}

/** How many bytes behind its source and its destination `expand` may touch. */
export const SLACK: i32 = 32;

/**
 * Decompresses LZF into exactly `room` bytes at `to`; false when the bytes are no such text. Runs are short, so whole vectors are copied, and what
 * is written behind a run is written over by the next: `SLACK` bytes behind both places have to be memory, and those behind `room` nobody's.
 */
export function expand(at: usize, length: usize, to: usize, room: usize): bool {
  const begin = to;
  const end = at + length;
  const limit = to + room;
  while (at < end) {
    const control = <usize>load<u8>(at++);
    if (control < 32) {
      const literal = control + 1;
      if (at + literal > end || to + literal > limit) return false;
      v128.store(to, v128.load(at));
      v128.store(to, v128.load(at, 16), 16);
      at += literal;
      to += literal;
      continue;
    }
    let run = control >> 5;
    if (run == 7) {
      if (at >= end) return false;
      run += <usize>load<u8>(at++);
    }
    if (at >= end) return false;
    const distance = ((control & 31) << 8) + <usize>load<u8>(at++) + 1;
    run += 2;
    if (distance > to - begin || to + run > limit) return false;
    let from = to - distance;
    const until = to + run;
    if (distance >= 16) {
      do {
        v128.store(to, v128.load(from));
        to += 16;
        from += 16;
      } while (to < until);
    } else if (distance >= 8) {
      do {
        store<u64>(to, load<u64>(from));
        to += 8;
        from += 8;
      } while (to < until);
    } else {
      // The run overlaps what it makes.
      while (to < until) store<u8>(to++, load<u8>(from++));
    }
    to = until;
  }
  return to == limit;
}

/** Puts both hashes of the bytes to `stage`. */
export function hashOf(at: usize, length: usize): void {
  hashPair(at, at + length);
  store<u64>(stage, first);
  store<u64>(stage, second, 8);
}

/** Writes a signed little-endian integer of `size` bytes as decimal digits; returns how many characters. */
export function decimalAt(at: usize, size: i32, to: usize): i32 {
  let value: i64;
  if (size == 1) value = <i64>load<i8>(at);
  else if (size == 2) value = <i64>load<i16>(at);
  else if (size == 3) value = <i64>(((<i32>load<u16>(at, 1)) << 16 | (<i32>load<u8>(at)) << 8) >> 8);
  else if (size == 4) value = <i64>load<i32>(at);
  else value = load<i64>(at);
  return digits(value, to);
}

/** The same of a number. */
export function decimalOf(value: i32, to: usize): i32 {
  return digits(<i64>value, to);
}

function digits(value: i64, to: usize): i32 {
  let rest: u64 = value < 0 ? 0 - <u64>value : <u64>value;
  let count: i32 = value < 0 ? 1 : 0;
  for (let left = rest; ; left /= 10) {
    count++;
    if (left < 10) break;
  }
  let place = to + <usize>count;
  do {
    store<u8>(--place, <u8>(48 + (rest % 10)));
    rest /= 10;
  } while (rest != 0);
  if (value < 0) store<u8>(to, 45);
  return count;
}

// A key's digest: a record of its name, expiry, number of elements and the sum of their hashes. An element is a record too. In a record a
// string stands as its hash under the record's own seed, a number as eight bytes, so that records are short and nothing is copied.
const MOST_PARTS: usize = 8;
const record0: usize = memory.data(8 * 8, 16);
const record1: usize = memory.data(8 * 8, 16);
let parts: usize = 0;

let key0: u64 = 0;
let key1: u64 = 0;
let elements: u64 = 0;
let sum0: u64 = 0;
let sum1: u64 = 0;
let size: u64 = 0;

/** Per collection: sums of both lanes, keys, bytes. */
export const SLOTS: i32 = 64;
export const slots: usize = memory.data(64 * 32, 16);

/** Begins a key. */
export function beginKey(at: usize, length: usize): void {
  hashPair(at, at + length);
  key0 = first;
  key1 = second;
  elements = 0;
  sum0 = 0;
  sum1 = 0;
  size = <u64>length;
}

/** A string of the element that comes to be. */
export function text(at: usize, length: usize): void {
  hashPair(at, at + length);
  put(first, second);
  size += <u64>length;
}

/** A whole number of the element. */
export function whole(value: f64): void {
  const bits = <u64>(<i64>value);
  put(bits, bits);
  size += 8;
}

/** A floating-point number of the element; both zeros are one. */
export function real(value: f64): void {
  const bits = value == 0 ? 0 : reinterpret<u64>(value);
  put(bits, bits);
  size += 8;
}

/** Ends the element and adds it to its key. */
export function endElement(): void {
  hashRecords();
  sum0 += first;
  sum1 += secondOfRecord;
  elements++;
}

/** An element that is one string. */
export function element(at: usize, length: usize): void {
  text(at, length);
  endElement();
}

/** Ends the key and adds it to a collection; `expireAt` is 0 for none. */
export function endKey(slot: i32, expireAt: f64): void {
  const expiry = <u64>(<i64>expireAt);
  put(key0, key1);
  put(expiry, expiry);
  put(elements, elements);
  put(sum0, sum1);
  hashRecords();
  const at = slots + (<usize>slot << 5);
  store<u64>(at, load<u64>(at) + first);
  store<u64>(at, load<u64>(at, 8) + secondOfRecord, 8);
  store<u64>(at, load<u64>(at, 16) + 1, 16);
  store<u64>(at, load<u64>(at, 24) + size, 24);
}

@inline
function put(value0: u64, value1: u64): void {
  if (parts == MOST_PARTS) unreachable();
  store<u64>(record0 + (parts << 3), value0);
  store<u64>(record1 + (parts << 3), value1);
  parts++;
}

let secondOfRecord: u64 = 0;

/** The hash of each record under its own seed: `first` of one, `secondOfRecord` of the other. */
function hashRecords(): void {
  const length = parts << 3;
  hashPair(record1, record1 + length);
  secondOfRecord = second;
  hashPair(record0, record0 + length);
  parts = 0;
}
