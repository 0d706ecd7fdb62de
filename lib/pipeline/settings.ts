import { HoldfastError } from '../core/errors.ts';
import { type PartPlan, planParts } from '../core/part-plan.ts';
import type { Compression, EncryptionAlgorithm } from '../core/vocabulary.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

/** How streams become objects and objects become streams again. Everything that decides about memory is here. */
export type PipelineSettings = {
  readonly compression: Compression;
  /** 1 (fast) to 9 (small); what that means to zstd is in `zstdLevelOf`. @default 3 */
  readonly level: number;
  readonly algorithm: EncryptionAlgorithm;
  /** Plain bytes after which a stream goes on in its next object; a multiple of `blockBytes`. @default 4 GiB */
  readonly objectBytes: number;
  /** Plain bytes that are compressed as one frame. @default 2 MiB: 4 MiB compress no better and need twice the memory */
  readonly blockBytes: number;
  /** Blocks being read, compressed or waiting for their turn. @default 6: the pool's four threads stay busy while one is filled and one encrypted */
  readonly blocksInFlight: number;
  /** Stored bytes of the first parts of an upload; they grow if an object would need more than 10,000. @default 8 MiB */
  readonly partBytes: number;
  /** Parts being uploaded at once, for each stream. @default 4 */
  readonly partsInFlight: number;
  /** Stored bytes fetched by one request when reading. @default 8 MiB */
  readonly rangeBytes: number;
  /** Ranges fetched ahead when reading; they run on into the next object. @default 4 */
  readonly rangesInFlight: number;
  /** Plain bytes read from the source per second, at most; 0 means as fast as it goes. @default 0 */
  readonly rateLimitBytesPerSecond: number;
};

export const defaultPipelineSettings: PipelineSettings = {
  compression: 'zstd',
  level: 3,
  algorithm: 'aes-256-gcm',
  objectBytes: 4 * GiB,
  blockBytes: 2 * MiB,
  blocksInFlight: 6,
  partBytes: 8 * MiB,
  partsInFlight: 4,
  rangeBytes: 8 * MiB,
  rangesInFlight: 4,
  rateLimitBytesPerSecond: 0,
};

/** Plain bytes of one frame of the AWS Encryption SDK message. Measured: 98 MiB/s with 4 KiB, 437 with 64 KiB, 937 with 1 MiB. */
export const messageFrameBytes = MiB;

/** The defaults with `overrides` in their place. Throws `config-invalid` when they do not fit together. */
export function pipelineSettings(overrides: Partial<PipelineSettings> = {}): PipelineSettings {
  const settings = { ...defaultPipelineSettings, ...overrides };
  const problems: string[] = [];
  const { level, objectBytes, blockBytes } = settings;
  if (!Number.isInteger(level) || level < 1 || level > 9) problems.push(`level '${level}' is not 1 to 9`);
  for (const name of [
    'objectBytes',
    'blockBytes',
    'blocksInFlight',
    'partBytes',
    'partsInFlight',
    'rangeBytes',
    'rangesInFlight',
  ] as const) {
    if (!Number.isSafeInteger(settings[name]) || settings[name] < 1)
      problems.push(`${name} '${settings[name]}' is not a whole number above 0`);
  }
  if (objectBytes % blockBytes !== 0)
    problems.push(`objectBytes '${objectBytes}' is not a multiple of blockBytes '${blockBytes}'`);
  if (!(settings.rateLimitBytesPerSecond >= 0))
    problems.push(`rateLimitBytesPerSecond '${settings.rateLimitBytesPerSecond}' is below 0`);
  if (problems.length > 0) throw new HoldfastError('config-invalid', `pipeline settings: ${problems.join('; ')}`);
  return settings;
}

/** The most that an object can take in the store: nothing compresses (zstd adds 3 bytes in 128 KiB), and headers, tags and the table come on top. */
export function largestObjectBytes({ objectBytes }: PipelineSettings): number {
  return Math.ceil(objectBytes * 1.01) + 64 * KiB;
}

/** The sizes of the parts that such an object is uploaded in. */
export function partPlanOf(settings: PipelineSettings): PartPlan {
  return planParts({ partBytes: settings.partBytes, objectBytes: largestObjectBytes(settings) });
}

/**
 * Holdfast's levels 1 to 9 as zstd's own, which end at 22. CPU seconds for a gibibyte of COPY text with a quarter of random
 * bytes: 3.4, 4.6, 6.7, 11, 14, 22, 35, 43, 81. Beyond 15 zstd gains a few per cent at several times the time and memory.
 */
const zstdLevels = [1, 2, 3, 5, 6, 8, 10, 12, 15] as const;

/** zstd's level for a `level` of 1 to 9. */
export function zstdLevelOf(level: number): number {
  return zstdLevels[level - 1] ?? 3;
}
