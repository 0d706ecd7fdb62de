import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BenchRow, rowOf, type Sample } from './bench-row.ts';
import type { RunOutcome } from './pipeline-run.ts';
import { benchRounds, benchScale } from './scale.ts';

const execute = promisify(execFile);
const MiB = 1024 ** 2;
const GiB = 1024 * MiB;

/** The pipeline against its slowest stage alone, and its memory at two lengths that differ by a factor of 16. */
export async function run(): Promise<BenchRow[]> {
  const bytes = Math.ceil((4 * GiB * benchScale) / MiB) * MiB;
  const slowest = await slowestStage(bytes / 4);
  return [
    await paired('pipeline, into nothing', 'pipeline', slowest, bytes),
    await paired('pipeline, into the directory store', 'pipeline-store', slowest, bytes),
    await paired('read-back from the directory store', 'read-back', slowest, bytes),
    await paired('validation from the directory store', 'verify', slowest, bytes),
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

/** Both in turn, once a round: what else the machine does then meets both alike. */
async function paired(name: string, ours: string, peer: string, bytes: number): Promise<BenchRow> {
  const samples: { readonly ours: Sample; readonly peer: Sample }[] = [];
  for (let round = 0; round < benchRounds; round++)
    samples.push({ peer: await measure(peer, bytes), ours: await measure(ours, bytes) });
  return rowOf({ name, peerName: `${peer} alone`, unit: 'MiB/s', samples, figureOf: speedOf });
}

async function memory(shortBytes: number, longBytes: number): Promise<BenchRow> {
  const samples = [{ peer: await measure('pipeline', shortBytes), ours: await measure('pipeline', longBytes) }];
  return rowOf({
    name: `resident memory with ${longBytes / GiB} GiB`,
    peerName: `with ${shortBytes / GiB} GiB`,
    unit: 'MiB',
    samples,
    figureOf: ({ rssMiB = Number.NaN }) => rssMiB,
  });
}

async function measure(stage: string, bytes: number): Promise<Sample> {
  const folder = await mkdtemp(join(process.env['HOLDFAST_BENCH_DIR'] ?? tmpdir(), 'holdfast-bench-'));
  try {
    const program = join(import.meta.dirname, 'pipeline-run.ts');
    const [loadBefore = Number.NaN] = loadavg();
    const { stdout } = await execute(process.execPath, [program, stage, String(bytes), folder]);
    return { ...(JSON.parse(stdout) as RunOutcome), loadBefore };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const speedOf = ({ bytes = Number.NaN, seconds }: Sample): number => bytes / MiB / seconds;
