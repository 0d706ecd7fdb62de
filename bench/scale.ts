/** How much of the full measurement to do, from HOLDFAST_BENCH_SCALE: 1 is all of it, 0.01 shows in seconds whether a bench still runs. */
export const benchScale = Number(process.env['HOLDFAST_BENCH_SCALE'] ?? 1);

/** How often each contender runs. */
export const benchRounds = 3;
