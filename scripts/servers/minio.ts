import type { Progress } from '../../lib/local/run-installer.ts';
import { ensureGoProgram } from './go-program.ts';

/** The absolute path of the MinIO program, built when it is missing. It is only ever a separate process in tests and benches. */
export function ensureMinio(progress: Progress): Promise<string> {
  return ensureGoProgram(
    {
      program: 'minio',
      module: 'github.com/minio/minio',
      version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
      variable: 'HOLDFAST_TEST_MINIO',
      minutes: '5 to 11',
    },
    progress,
  );
}
