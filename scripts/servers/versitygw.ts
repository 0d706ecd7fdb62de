import type { Progress } from '../../lib/local/run-installer.ts';
import { ensureGoProgram } from './go-program.ts';

/** The absolute path of the versitygw program, built when it is missing: the second opinion on what S3 does. */
export function ensureVersitygw(progress: Progress): Promise<string> {
  return ensureGoProgram(
    {
      program: 'versitygw',
      module: 'github.com/versity/versitygw/cmd/versitygw',
      version: 'v1.8.0',
      variable: 'HOLDFAST_TEST_VERSITYGW',
      minutes: '2 to 4',
    },
    progress,
  );
}
