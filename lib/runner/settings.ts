import type { HoldfastConfig } from '../config/config.ts';
import { type PipelineSettings, pipelineSettings } from '../pipeline/settings.ts';

/** The pipeline that a configuration asks for; what it leaves open is the pipeline's own default. */
export function configuredPipeline({ compression, encryption, run }: HoldfastConfig): PipelineSettings {
  return pipelineSettings({
    compression: compression.algorithm,
    level: compression.level,
    algorithm: encryption.keys === 'none' ? 'none' : encryption.algorithm,
    objectBytes: run.objectBytes,
    rateLimitBytesPerSecond: run.rateLimitBytesPerSecond ?? 0,
  });
}
