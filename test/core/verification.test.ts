import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validationStatusOf } from '../../lib/core/restore-test-status.ts';
import { unverified, type Verification, verificationAfter } from '../../lib/core/verification.ts';
import type { ValidationType, VerificationStatus } from '../../lib/core/vocabulary.ts';

const look = (status: VerificationStatus, by: ValidationType | null): Verification => ({ status, detail: null, by });
const after = (...looks: readonly Verification[]) => looks.reduce(verificationAfter, unverified).status;

test('a verified backup stays so when it is merely read again, and not when that finds it bad', () => {
  assert.equal(after(look('VERIFIED', 'restore-test'), look('VALIDATED', 'full')), 'VERIFIED');
  assert.equal(after(look('VERIFIED', 'restore-test'), look('FAILED', 'full')), 'FAILED');
});

test('a backup that was bad to read is good again when it reads well, and one that failed a restore test is not', () => {
  assert.equal(after(look('FAILED', 'full'), look('VALIDATED', 'full')), 'VALIDATED');
  assert.equal(after(look('FAILED', 'restore-test'), look('VALIDATED', 'full')), 'FAILED');
  assert.equal(after(look('FAILED', 'restore-test'), look('VERIFIED', 'restore-test')), 'VERIFIED');
});

test('a completion that was written late takes nothing back', () => {
  assert.equal(after(look('VALIDATED', 'full'), look('PENDING', null)), 'VALIDATED');
  assert.equal(after(look('PENDING', null)), 'PENDING');
});

test('a failure is the backup’s, the place’s, or nobody’s', () => {
  assert.equal(validationStatusOf(undefined), 'PASSED');
  assert.equal(validationStatusOf('comparison-failed'), 'FAILED');
  assert.equal(validationStatusOf('key-missing'), 'NOT_TESTABLE');
  assert.equal(validationStatusOf('not-testable'), 'NOT_TESTABLE');
  assert.equal(validationStatusOf('tool-missing'), 'NOT_TESTABLE');
  assert.equal(validationStatusOf('task-killed'), 'ERROR');
  assert.equal(validationStatusOf('store-unavailable'), 'ERROR');
  assert.equal(validationStatusOf('States.Runtime'), 'ERROR');
});
