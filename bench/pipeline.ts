import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchRow } from './bench-row.ts';
import type { RunOutcome } from './pipeline-run.ts';

const execute = promisify(execFile);
const MiB = 1024 ** 2;
const GiB = 1024 * MiB;
const samples = 3;

/** How much of the full measurement to do: 1 is 4 GiB for speed and 16 GiB for memory. */
const scale = Number(process.env['HOLDFAST_BENCH_SCALE'] ?? 1);

/** The pipeline against its slowest stage alone, and its memory at two lengths that differ by a factor of 16. */
export async function run(): Promise<BenchRow[]> {
  const bytes = Math.ceil((4 * GiB * scale) / MiB) * MiB;
  const slowest = await slowestStage(bytes / 4);
  return [
    await paired('pipeline, into nothing', 'pipeline', slowest, bytes),
    await paired('pipeline, into the directory store', 'pipeline-store', slowest, bytes),
    await paired('read-back from the directory store', 'verify', slowest, bytes),
    await memory(bytes / 4, bytes * 4),
  ];
}

/** The stage that alone is the slowest on this machine. */
async function slowestStage(bytes: number): Promise<string> {
  let slowest = { stage: '', speed: Number.POSITIVE_INFINITY };
  for (const stage of ['sha256', 'zstd', 'encryption', 'store']) {
    const speed = speedOf(await measure(stage, bytes));
    console.error(`${stage} alone: ${speed.toFixed(0)} MiB/s`);
    if (speed < slowest.speed) slowest = { stage, speed };
  }
  return slowest.stage;
}

/** Both in turn, `samples` times: what else the machine does then meets both alike. */
async function paired(name: string, ours: string, peer: string, bytes: number): Promise<BenchRow> {
  const pairs: { readonly ours: RunOutcome; readonly peer: RunOutcome }[] = [];
  for (let sample = 0; sample < samples; sample++)
    pairs.push({ peer: await measure(peer, bytes), ours: await measure(ours, bytes) });
  return {
    name,
    ours: median(pairs.map((pair) => speedOf(pair.ours))),
    peer: median(pairs.map((pair) => speedOf(pair.peer))),
    peerName: `${peer} alone`,
    unit: 'MiB/s',
    ratio: median(pairs.map((pair) => speedOf(pair.ours) / speedOf(pair.peer))),
    rssMiB: Math.max(...pairs.map((pair) => pair.ours.rssMiB)),
    cpuSeconds: median(pairs.map((pair) => pair.ours.cpuSeconds)),
    samples,
  };
}

async function memory(shortBytes: number, longBytes: number): Promise<BenchRow> {
  const short = await measure('pipeline', shortBytes);
  const long = await measure('pipeline', longBytes);
  return {
    name: `resident memory with ${longBytes / GiB} GiB`,
    ours: long.rssMiB,
    peer: short.rssMiB,
    peerName: `with ${shortBytes / GiB} GiB`,
    unit: 'MiB',
    ratio: short.rssMiB / long.rssMiB,
    rssMiB: long.rssMiB,
    cpuSeconds: long.cpuSeconds,
    samples: 1,
  };
}

async function measure(stage: string, bytes: number): Promise<RunOutcome> {
  const folder = await mkdtemp(join(process.env['HOLDFAST_BENCH_DIR'] ?? tmpdir(), 'holdfast-bench-'));
  try {
    const program = join(import.meta.dirname, 'pipeline-run.ts');
    const { stdout } = await execute(process.execPath, [program, stage, String(bytes), folder]);
    return JSON.parse(stdout) as RunOutcome;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const speedOf = ({ bytes, seconds }: RunOutcome): number => bytes / MiB / seconds;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (import.meta.main) console.table(await run());
