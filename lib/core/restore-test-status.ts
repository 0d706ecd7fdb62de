import type { EndedValidationStatus } from './vocabulary.ts';

/** What these say is said of the backup: it cannot be read or restored, or is not what it should be. */
const ofBackup: ReadonlySet<string> = new Set([
  'assertion-failed',
  'comparison-failed',
  'copy-damaged',
  'corrupt',
  'dump-incomplete',
  'manifest-unreadable',
  'object-missing',
  'restore-failed',
]);

/**
 * What these say is said of the place of the test. A key that is not at hand here may be elsewhere, as may a newer Holdfast, and neither is a
 * fault of the bytes.
 */
const ofPlace: ReadonlySet<string> = new Set([
  'key-missing',
  'key-wrong',
  'manifest-newer',
  'not-testable',
  'preflight-failed',
  'test-disk-too-small',
  'tool-missing',
  'version-mismatch',
]);

/**
 * How a look at a backup ended that met the failure `code`, or none. A failure that is neither the backup's nor the place's (a task that was
 * killed, a store that was away) is an `ERROR`, and leaves what is known of the backup as it was.
 */
export function validationStatusOf(code: string | undefined): EndedValidationStatus {
  if (code === undefined) return 'PASSED';
  if (ofBackup.has(code)) return 'FAILED';
  return ofPlace.has(code) ? 'NOT_TESTABLE' : 'ERROR';
}
