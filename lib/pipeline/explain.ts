import { largestPartOf } from '../core/part-plan.ts';
import { chunkShare, framesAtOnce } from './compress.ts';
import { proofsAtOnce } from './frame-proof.ts';
import { largestObjectBytes, messageFrameBytes, type PipelineSettings, partPlanOf, zstdLevelOf } from './settings.ts';

/** What one part of the pipeline may hold at a time. */
export type MemoryItem = { readonly what: string; readonly formula: string; readonly bytes: number };

export type PipelineExplanation = {
  readonly writing: readonly MemoryItem[];
  readonly reading: readonly MemoryItem[];
  /** The program with its libraries, and garbage that is not collected yet: measured, not computed. */
  readonly baseBytes: number;
  /** The larger of writing and reading, for each stream, and the base. The length of a stream has no part in it. */
  readonly totalBytes: number;
  /** The same for people. */
  readonly lines: readonly string[];
};

const MiB = 1024 ** 2;

/** Node with the libraries takes 90 MiB, and V8 lets some 200 MiB of freed buffers pile up before it collects them (`collectLessOften`). */
const baseBytes = 290 * MiB;

/** ZSTD_estimateCCtxSize of zstd 1.5, in MiB, for the levels in use. */
const compressionContextMiB: Readonly<Record<number, number>> = {
  1: 0.6,
  2: 0.8,
  3: 1.3,
  5: 2.5,
  6: 3.5,
  8: 6.5,
  10: 24.5,
  12: 48.5,
  15: 64.5,
};

/** The memory that `settings` need, item by item, when `streams` of them run side by side. */
export function explainPipeline(settings: PipelineSettings, streams = 1): PipelineExplanation {
  const writing = writingItems(settings);
  const reading = readingItems(settings);
  const totalBytes = streams * Math.max(sumOf(writing), sumOf(reading)) + baseBytes;
  const lines = [
    'writing a stream:',
    ...writing.map(lineOf),
    lineOf({ what: 'together', formula: '', bytes: sumOf(writing) }),
    'reading a stream:',
    ...reading.map(lineOf),
    lineOf({ what: 'together', formula: '', bytes: sumOf(reading) }),
    `${streams} at once, each writing or reading, and the program itself:`,
    lineOf({ what: 'in all', formula: `${streams} × the larger + ${inMiB(baseBytes)}`, bytes: totalBytes }),
    `Objects end after ${inMiB(settings.objectBytes)} of plain bytes; the next one goes on. The length of a stream has no part in this.`,
  ];
  return { writing, reading, baseBytes, totalBytes, lines };
}

function writingItems(settings: PipelineSettings): readonly MemoryItem[] {
  const { blockBytes, blocksInFlight, partsInFlight, compression } = settings;
  const partBytes = largestPartOf(partPlanOf(settings), largestObjectBytes(settings));
  return [
    product('blocks read', [blocksInFlight + 1, 'blocks'], blockBytes),
    ...(compression === 'none' ? [] : [product('frames compressed', [blocksInFlight + 1, 'frames'], blockBytes)]),
    ...(compression === 'none' ? [] : [product('frames being proved', [proofsAtOnce, 'blocks'], blockBytes)]),
    ...(compression === 'zstd'
      ? [
          product('zstd at work', [framesAtOnce, 'contexts'], contextBytes(settings)),
          product('room for its frames', [contextsOf(settings), 'half blocks'], blockBytes * chunkShare),
        ]
      : []),
    ...(settings.algorithm === 'none' ? [] : [product('encryption', [4, 'frames'], messageFrameBytes)]),
    product('parts on their way', [partsInFlight + 1, 'parts'], partBytes),
  ];
}

function readingItems({
  rangeBytes,
  rangesInFlight,
  blocksInFlight,
  blockBytes,
  algorithm,
  compression,
}: PipelineSettings) {
  // The first pass over an AES-CBC object fetches its ranges apart from those fetched ahead for the second.
  const fetches = algorithm === 'aes-256-cbc' ? 2 : 1;
  return [
    product('ranges fetched', [fetches * (rangesInFlight + 1), 'ranges'], rangeBytes),
    ...(algorithm === 'none' ? [] : [product('decryption', [4, 'frames'], messageFrameBytes)]),
    ...(compression === 'none'
      ? []
      : [product('frames and their blocks', [2 * (blocksInFlight + 1), 'blocks'], blockBytes)]),
  ];
}

/** Those of the asked level, and as many of level 1, which a block in 16 is tried at. */
const contextsOf = ({ level }: PipelineSettings): number => (zstdLevelOf(level) === 1 ? 1 : 2) * framesAtOnce;

/** One of each. */
function contextBytes({ level }: PipelineSettings): number {
  const asked = zstdLevelOf(level);
  const trialMiB = asked === 1 ? 0 : (compressionContextMiB[1] ?? 0);
  return ((compressionContextMiB[asked] ?? 64.5) + trialMiB) * MiB;
}

function product(what: string, [count, unit]: readonly [number, string], each: number): MemoryItem {
  return { what, formula: `${count} ${unit} × ${inMiB(each)}`, bytes: count * each };
}

const sumOf = (items: readonly MemoryItem[]): number => items.reduce((sum, { bytes }) => sum + bytes, 0);

const inMiB = (bytes: number): string => `${Number((bytes / MiB).toFixed(1))} MiB`;

const lineOf = ({ what, formula, bytes }: MemoryItem): string =>
  `  ${what.padEnd(24)} ${formula.padEnd(28)} ${inMiB(bytes).padStart(10)}`;
