// A process that plays one run after another, as its parent hands them out: node worker.ts SHARED.json
import { readFileSync } from 'node:fs';
import { openLane } from './lane.ts';
import { oneRun, type RunResult } from './one-run.ts';
import type { Shared } from './shared.ts';
import { yesterdayOf } from './yesterday.ts';

export type Order = { readonly seed: number; readonly run: number; readonly only: readonly string[] };
export type Answer = { readonly kind: 'ready' } | { readonly kind: 'done'; readonly result: RunResult };

const shared = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Shared;
process.env['AWS_ACCESS_KEY_ID'] = shared.s3.accessKeyId;
process.env['AWS_SECRET_ACCESS_KEY'] = shared.s3.secretAccessKey;
process.env['HOLDFAST_PG_BIN'] = shared.postgres.binDir;

const lane = await openLane(shared);
const stage = { shared, lane, yesterdayOf: yesterdayOf(shared, lane) };
const tell = (answer: Answer) => process.send?.(answer);

process.on('message', ({ seed, run, only }: Order) => {
  void oneRun(stage, seed, run, only).then((result) => tell({ kind: 'done', result }));
});
// The parent is done, or gone.
process.once('disconnect', () => void lane[Symbol.asyncDispose]().then(() => process.exit(0)));
tell({ kind: 'ready' });
