// AssemblyScript, compiled to cut.wasm.ts by scripts/build-wasm.ts: where a file is cut into chunks by its content (cut.ts).

const SMALLEST: usize = 256 * 1024;
const AVERAGE: usize = 1024 * 1024;
const LARGEST: usize = 4 * 1024 * 1024;

/** Before the average length a cut is four times less likely than it would be, after it four times more: lengths come nearer to it. */
const HARD: u32 = 0xfffffc00;
const EASY: u32 = 0xffffc000;

/** A number for each byte, which cut.ts fills in. */
export const gear: usize = memory.data(256 * 4, 16);
/** Room for what is not cut yet. */
export const input: usize = memory.data(2 * 4 * 1024 * 1024, 16);

/** The sum at `end`; or, in the upper half, where behind `at` the first sum is that has none of the mask's bits. */
@inline
function scan(at: usize, end: usize, before: u32, mask: u32): u64 {
  let sum = before;
  for (; at < end; at++) {
    sum = (sum << 1) + load<u32>(gear + ((<usize>load<u8>(at)) << 2));
    if ((sum & mask) == 0) return ((<u64>at + 1) << 32) | sum;
  }
  return sum;
}

/** The length of the first chunk of what the input holds from `begin` to `stop`. */
export function cut(begin: usize, stop: usize): usize {
  const length = stop - begin;
  if (length <= SMALLEST) return length;
  const from = input + begin;
  const end = from + min(length, LARGEST);
  const average = from + min(length, AVERAGE);
  let found = scan(from + SMALLEST, average, 0, HARD);
  if (found >> 32) return <usize>(found >> 32) - from;
  found = scan(average, end, <u32>found, EASY);
  if (found >> 32) return <usize>(found >> 32) - from;
  return end - from;
}
