// AssemblyScript, compiled to row-digest.wasm.ts by scripts/build-wasm.ts; docs/formats.md says what it computes.
//
// It reads the data part of an archive (lengths, chunks, large-object numbers) and hashes rows in one pass, because one
// JavaScript call per row, or per chunk in archives that have a chunk for each row, would cost more than the hash does.

import { converge, finish, first, hashPair, LANE_SEED, P1, P2, P5, round, second } from '../../digest/xxh64-pair.as';

/** What the bytes given to `push` are. */
const KIND_ROWS: i32 = 0; // chunks of COPY text that end with its end mark
const KIND_OBJECTS: i32 = 1; // large objects: number, chunks, 0; number 0 ends the block
const KIND_OPAQUE: i32 = 2; // chunks whose content is not looked at
const KIND_OPAQUE_OBJECTS: i32 = 3;
const KIND_TEXT: i32 = 4; // COPY text itself: no chunks, no end mark
const KIND_RECORD: i32 = 5; // the bytes of one record, whatever they are
const KIND_SCRIPT_ROWS: i32 = 6; // COPY text in a script: no chunks, and the end mark ends it

export const MORE: i32 = 0;
export const ENDED: i32 = 1;
export const BAD_LENGTH: i32 = 2;
export const AFTER_END_MARK: i32 = 3;
export const NO_END_MARK: i32 = 4;

export const CAPACITY: i32 = 131072;

// 16 bytes more than are ever filled, so that the search for line ends may read whole vectors.
export const input: usize = memory.data(131072 + 16, 16);
const held: usize = memory.data(32, 16);
/** What the chunks of the last `push` held, their lengths left out; filled only while `collects`. */
export const output: usize = memory.data(131072, 16);

export let status: i32 = MORE;
export let rows: u64 = 0;
export let bytes: u64 = 0;
export let lane0: u64 = 0;
export let lane1: u64 = 0;
/** How many bytes of `output` the last `push` filled. */
export let collected: i32 = 0;

let kind: i32 = 0;
let hasEndMark: bool = false;
let collects: bool = false;
let integer: u64 = 0; // the five bytes of an integer, as far as they have come
let integerFill: i32 = 0;
let isNumberNext: bool = false; // the next integer is a large object's number, not a length
let remaining: u32 = 0; // of the present chunk
let newlinesAfterMark: i32 = -1; // -1 until the end mark has come

// A record of which only a part has come: XXH64's streaming state, for both seeds.
let isPartial: bool = false;
let total: u64 = 0;
let a0: u64 = 0;
let a1: u64 = 0;
let a2: u64 = 0;
let a3: u64 = 0;
let b0: u64 = 0;
let b1: u64 = 0;
let b2: u64 = 0;
let b3: u64 = 0;

/** Starts a block of the kind, with sums at zero. */
export function begin(blockKind: i32, isCollected: bool): void {
  kind = blockKind;
  hasEndMark = kind == KIND_ROWS || kind == KIND_SCRIPT_ROWS;
  collects = isCollected;
  status = MORE;
  rows = 0;
  bytes = 0;
  lane0 = 0;
  lane1 = 0;
  integer = 0;
  integerFill = 0;
  isNumberNext = kind == KIND_OBJECTS || kind == KIND_OPAQUE_OBJECTS;
  remaining = 0;
  newlinesAfterMark = -1;
  isPartial = false;
  if (kind == KIND_RECORD) open();
}

/** Takes in `length` bytes of `input` until the block ends; returns how many it took. `status` says why it stopped. */
export function push(length: i32): i32 {
  const end = input + <usize>length;
  collected = 0;
  if (kind == KIND_TEXT || kind == KIND_SCRIPT_ROWS) {
    return <i32>(takeRows(input, end) - input);
  }
  if (kind == KIND_RECORD) {
    bytes += <u64>length;
    update(input, end);
    return length;
  }
  let at = input;
  while (at < end && status == MORE) {
    if (remaining != 0) {
      const until = at + <usize>min(<u32>(end - at), remaining);
      remaining -= <u32>(until - at);
      if (collects) {
        memory.copy(output + <usize>collected, at, until - at);
        collected += <i32>(until - at);
      }
      if (kind == KIND_ROWS) {
        takeRows(at, until);
        // The rest of the chunk stays unread; the position of the fault is not known more precisely than the chunk.
        if (status != MORE) return <i32>(at - input);
      } else if (kind == KIND_OBJECTS) {
        bytes += <u64>(until - at);
        update(at, until);
      }
      at = until;
    } else if (integerFill == 0 && end - at >= 5) {
      const value = <u64>load<u8>(at) | (<u64>load<u32>(at, 1) << 8);
      at += 5;
      takeInteger(value);
    } else {
      integer |= <u64>load<u8>(at) << (<u64>integerFill << 3);
      integerFill++;
      at++;
      if (integerFill == 5) {
        const value = integer;
        integer = 0;
        integerFill = 0;
        takeInteger(value);
      }
    }
  }
  return <i32>(at - input);
}

/** Ends a block that has no end of its own: a last line without its line end counts as missing. */
export function end(): void {
  if (kind == KIND_RECORD) {
    close();
    status = ENDED;
  } else {
    status = isPartial ? NO_END_MARK : ENDED;
  }
}

function takeInteger(value: u64): void {
  const sign = value & 0xff;
  const magnitude = <u32>(value >> 8);
  if (isNumberNext) {
    if (magnitude == 0) {
      status = sign == 0 ? ENDED : BAD_LENGTH;
      return;
    }
    // Numbers above 2^31 were written as negative integers.
    if (sign > 1 || (sign == 0 && magnitude > 0x7fffffff) || (sign == 1 && magnitude > 0x80000000)) {
      status = BAD_LENGTH;
      return;
    }
    isNumberNext = false;
    if (kind == KIND_OBJECTS) {
      open();
      store<u32>(held, sign == 0 ? magnitude : 0 - magnitude);
      total = 4;
    }
    return;
  }
  if (sign != 0 || magnitude > 0x7fffffff) {
    status = BAD_LENGTH;
  } else if (magnitude != 0) {
    remaining = magnitude;
  } else if (kind == KIND_OBJECTS) {
    close();
    isNumberNext = true;
  } else if (kind == KIND_OPAQUE_OBJECTS) {
    isNumberNext = true;
  } else if (kind == KIND_ROWS && newlinesAfterMark != 2) {
    status = NO_END_MARK;
  } else {
    status = ENDED;
  }
}

/**
 * Takes in the rows of COPY text from `at` to `end`; the first may have begun before, the last may end later. Returns where it stopped.
 */
function takeRows(at: usize, end: usize): usize {
  while (at < end) {
    if (newlinesAfterMark >= 0) {
      if (load<u8>(at) != 10 || newlinesAfterMark == 2) {
        status = AFTER_END_MARK;
        return at;
      }
      newlinesAfterMark++;
      at++;
      continue;
    }
    const lineEnd = findLineEnd(at, end);
    if (isPartial || lineEnd == end) {
      if (!isPartial) open();
      update(at, lineEnd);
      if (lineEnd == end) return end;
      if (total == 2 && load<u16>(held) == 0x2e5c && hasEndMark) {
        isPartial = false;
        newlinesAfterMark = 0;
      } else {
        bytes += total + 1;
        close();
      }
    } else if (lineEnd - at == 2 && load<u16>(at) == 0x2e5c && hasEndMark) {
      newlinesAfterMark = 0;
    } else {
      bytes += <u64>(lineEnd - at) + 1;
      hash(at, lineEnd);
    }
    at = lineEnd + 1;
    if (newlinesAfterMark == 0 && kind == KIND_SCRIPT_ROWS) {
      status = ENDED;
      return at;
    }
  }
  return at;
}

/** Where the next '\n' is, or `end`. May read up to 15 bytes past `end`. */
@inline
function findLineEnd(at: usize, end: usize): usize {
  const newline = i8x16.splat(10);
  while (at < end) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(at), newline));
    if (found != 0) return min(at + <usize>ctz(found), end);
    at += 16;
  }
  return end;
}

/** Adds the record from `at` to `end`. */
function hash(at: usize, end: usize): void {
  hashPair(at, end);
  add();
}

@inline
function add(): void {
  lane0 += first;
  lane1 += second;
  rows++;
}

/** Begins a record that comes in parts. */
function open(): void {
  isPartial = true;
  total = 0;
  a0 = P1 + P2;
  a1 = P2;
  a2 = 0;
  a3 = 0 - P1;
  b0 = a0 + LANE_SEED;
  b1 = a1 + LANE_SEED;
  b2 = a2 + LANE_SEED;
  b3 = a3 + LANE_SEED;
}

function update(at: usize, end: usize): void {
  const fill = <usize>(total & 31);
  total += <u64>(end - at);
  if (fill != 0) {
    const part = min<usize>(32 - fill, end - at);
    memory.copy(held + fill, at, part);
    at += part;
    if (fill + part < 32) return;
    stripe(held);
  }
  while (at + 32 <= end) {
    stripe(at);
    at += 32;
  }
  if (at < end) memory.copy(held, at, end - at);
}

@inline
function stripe(at: usize): void {
  const w0 = load<u64>(at) * P2;
  const w1 = load<u64>(at, 8) * P2;
  const w2 = load<u64>(at, 16) * P2;
  const w3 = load<u64>(at, 24) * P2;
  a0 = round(a0, w0);
  b0 = round(b0, w0);
  a1 = round(a1, w1);
  b1 = round(b1, w1);
  a2 = round(a2, w2);
  b2 = round(b2, w2);
  a3 = round(a3, w3);
  b3 = round(b3, w3);
}

/** Ends the record that came in parts, and adds it. */
function close(): void {
  isPartial = false;
  const isLong = total >= 32;
  const x = isLong ? converge(a0, a1, a2, a3) : P5;
  const y = isLong ? converge(b0, b1, b2, b3) : P5 + LANE_SEED;
  finish(x + total, y + total, held, held + <usize>(total & 31));
  add();
}
